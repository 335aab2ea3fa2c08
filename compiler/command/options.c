/* options.c: the command line: a table of commands and a table of options. */
#include "command/options.h"

#include "../../runtime/common/whole_number.h"
#include "base/version.h"
#include "lower/choice.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *arguments, *help;
    bool takes_spec;
} commands[COMMANDS] = {
    [COMMAND_COMPILE] = {"compile", "SPEC -o DIR", "write the C files of a trainer for the network in SPEC", true},
    [COMMAND_INFERENCE] = {"inference", "SPEC --weights FILE -o DIR", "write C that runs SPEC with these weights, and needs nothing else",
                           true},
    [COMMAND_TUNE] = {"tune", "SPEC [-o FILE]",
                      "measure choices for the kernels of SPEC on this machine, in minutes, and write a file for --tuning", true},
    [COMMAND_EXPLAIN] = {"explain", "SPEC", "print each layer's shape, parameters, FLOPs and bytes, and the memory of each target", true},
    [COMMAND_CHECK] = {"check", "SPEC", "only say whether SPEC is correct", true},
    [COMMAND_DOCUMENTATION] = {"documentation", "", "print the reference of the spec language (docs/spec.md)", false},
};

typedef enum {
    OPTION_DIRECTORY,
    OPTION_FILE,
    OPTION_WEIGHTS,
    OPTION_WEIGHTS_AS,
    OPTION_PRECISION,
    OPTION_RECURRENCE,
    OPTION_ENDIAN,
    OPTION_TARGETS,
    OPTION_TARGETS_TUNED,
    OPTION_FILTERING,
    OPTION_TUNING,
    OPTION_MAX_RAM,
    OPTION_KERNELS,
    OPTION_MACHINE,
    OPTION_DUMP,
    OPTION_TIME,
    OPTION_HELP,
    OPTION_VERSION,
    OPTIONS
} Option;

enum {
    COMPILE = 1 << COMMAND_COMPILE,
    INFERENCE = 1 << COMMAND_INFERENCE,
    TUNE = 1 << COMMAND_TUNE,
    EXPLAIN = 1 << COMMAND_EXPLAIN,
    ALL = (1 << COMMANDS) - 1
};

/* The commands that take each option. A name with different meanings for different commands has two rows, one after the other.
 * read_option() gets the first. */
static const struct {
    const char *name, *value;
    int commands;
    const char *help;
} table[OPTIONS] = {
    [OPTION_DIRECTORY] = {"-o", "DIR", COMPILE | INFERENCE, "the folder to write to; it is made where it is missing"},
    [OPTION_FILE] = {"-o", "FILE", TUNE, "the file to write (default: specs/tuning/NAME.CPU.yaml)"},
    [OPTION_WEIGHTS] = {"--weights", "FILE", INFERENCE, "the weights, as a trainer saves them (safetensors)"},
    [OPTION_WEIGHTS_AS] = {"--weights-as", "file|object|array", INFERENCE,
                           "beside the file, an assembler file that links it, or, up to 1 MB, a C array (default: file)"},
    [OPTION_PRECISION] = {"--precision", "f32|f16|bf16|int8", INFERENCE,
                          "what weights are stored as; f16 and bf16 take half of a float, int8 a quarter (default: f32)"},
    [OPTION_RECURRENCE] =
        {"--recurrence", "window|carried", INFERENCE,
         "of version 1: a stream's GRU sees the last T frames, as a clip's does, or all since the stream began (default: window)"},
    [OPTION_ENDIAN] = {"--endian", "little|big", INFERENCE, "the byte order of the machines that will read the weights (default: little)"},
    [OPTION_TARGETS] = {"--targets", "LIST", COMPILE | INFERENCE | EXPLAIN,
                        "instruction sets to generate for, separated by commas (default: all for the precision)"},
    [OPTION_TARGETS_TUNED] = {"--targets", "LIST", TUNE, "instruction sets to measure for (default: all that this CPU has)"},
    [OPTION_FILTERING] = {"--filtering", "none|2|4", COMPILE | INFERENCE | TUNE | EXPLAIN,
                          "convolve with fewer multiplications, in tiles of 2 or 4 outputs, where that is faster (default: 2)"},
    [OPTION_TUNING] = {"--tuning", "FILE", COMPILE | EXPLAIN, "choices measured by zoetrope tune, instead of the cost model's"},
    [OPTION_MAX_RAM] = {"--max-ram", "BYTES[,N]", COMPILE | EXPLAIN,
                        "limit the memory of training on N threads (default: 1); some results are then computed twice; also 300M, 300MiB"},
    [OPTION_KERNELS] = {"--kernels", NULL, EXPLAIN,
                        "each kernel's FLOPs, bytes, the roofline's time and choices, for the first of the targets"},
    [OPTION_MACHINE] = {"--machine", "G,B", EXPLAIN, "the machine that --kernels assumes, in GFLOP/s and GB/s (default: 256,40)"},
    [OPTION_DUMP] = {"--dump", "PASS", COMPILE | EXPLAIN, "print the result of a pass; write files only if compile has -o"},
    [OPTION_TIME] = {"--time", NULL, COMPILE | INFERENCE | EXPLAIN, "print the time of each pass"},
    [OPTION_HELP] = {"--help", NULL, ALL, "print this; zoetrope COMMAND --help prints the options of a command"},
    [OPTION_VERSION] = {"--version", NULL, ALL, "print the version"},
};

/* ---- help ---- */

static const char *dumped_passes(void) {
    Text names = text_begin();
    for (Pass pass = 0; pass < PASS_COUNT; pass++)
        if (pass_can_be_dumped(pass)) text_add(&names, "%s%s", names.length ? " " : "", pass_name(pass));
    return names.bytes;
}

enum { SCREEN = 80, HELP_COLUMN = 22 };

/* Prints the words of the text from HELP_COLUMN on, up to `column`; something is on the first line already. */
static void print_words(int column, const char *text) {
    printf(column < HELP_COLUMN ? "%*s" : "\n%*s", column < HELP_COLUMN ? HELP_COLUMN - column : HELP_COLUMN, "");
    column = HELP_COLUMN;
    for (const char *word = text; *word; word += strspn(word, " ")) {
        const int length = (int)strcspn(word, " ");
        if (word > text && column + 1 + length <= SCREEN) column += printf(" ");
        else if (word > text) column = printf("\n%*s", HELP_COLUMN, "") - 1;
        column += printf("%.*s", length, word);
        word += length;
    }
    putchar('\n');
}

/* "compile and explain", "compile, tune and explain" */
static const char *command_names(int set) {
    Text names = text_begin();
    for (int i = 0; i < COMMANDS; i++) {
        if (!(set >> i & 1)) continue;
        const bool last = !(set >> (i + 1));
        text_add(&names, "%s%s", names.length == 0 ? "" : last ? " and " : ", ", commands[i].name);
    }
    return names.bytes;
}

static void print_options(int set) {
    printf("\nOptions:\n");
    for (int i = 0; i < OPTIONS; i++) {
        if (!(table[i].commands & set)) continue;
        const int column = printf("  %s%s%s", table[i].name, table[i].value ? " " : "", table[i].value ? table[i].value : "");
        const bool says_whose = set == ALL && table[i].commands != ALL;
        print_words(column, says_whose ? format("%s: %s", command_names(table[i].commands), table[i].help) : table[i].help);
    }
}

static void print_targets(const Target *const *list) {
    for (; *list; list++) print_words(printf("  %s", (*list)->name), (*list)->describes);
}

/* Of one command, or, with COMMANDS, of all. */
static void print_help(Command command) {
    const bool all = command == COMMANDS;
    const int set = all ? ALL : 1 << command;
    if (all)
        printf("zoetrope compiles the YAML spec of a video auto-encoder to plain C: the forward\n"
               "pass, the backward pass and the optimizer's step, with fixed shapes, for\n"
               "several instruction sets.\n\nUsage: zoetrope COMMAND [SPEC] [OPTION]...\n\nCommands:\n");
    else
        printf("Usage: zoetrope %s%s%s [OPTION]...\n\nCommand:\n", commands[command].name, *commands[command].arguments ? " " : "",
               commands[command].arguments);
    for (int i = 0; i < COMMANDS; i++)
        if (set >> i & 1) print_words(printf("  %s", commands[i].name), commands[i].help);
    print_options(set);
    if (set & table[OPTION_TARGETS].commands || set & table[OPTION_TARGETS_TUNED].commands) {
        printf("\nTargets:\n");
        print_targets(targets);
        print_targets(bf16_targets);
        if (set & INFERENCE) print_targets(inference_targets);
    }
    if (set & table[OPTION_DUMP].commands) printf("\nPasses:\n  %s\n", dumped_passes());
    if (all)
        printf("\nExamples:\n"
               "  zoetrope check specs/gru_ae.yaml\n"
               "  zoetrope explain specs/gru_ae.yaml --targets avx2 --kernels\n"
               "  zoetrope compile specs/gru_ae.yaml -o generated/gru_ae\n"
               "  zoetrope compile specs/gru_ae.yaml --dump=schedule --targets avx2\n");
    printf("\nExit status: 0 done; 1 the spec has errors, a file cannot be read or written,\n"
           "or memory is short; 2 the command line is wrong.\n");
}

/* ---- values ---- */

static bool usage_error(int *status, const char *pattern, ...) __attribute__((format(printf, 2, 3)));
static bool usage_error(int *status, const char *pattern, ...) {
    va_list arguments;
    va_start(arguments, pattern);
    fprintf(stderr, "zoetrope: %s\nzoetrope --help lists the commands and options.\n", printable(format_list(pattern, arguments)));
    va_end(arguments);
    *status = EXIT_USAGE;
    return false;
}

static bool read_weights_as(const char *name, Options *options, int *status) {
    static const char *const names[] = {[WEIGHTS_FILE] = "file", [WEIGHTS_OBJECT] = "object", [WEIGHTS_ARRAY] = "array"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(names[i], name) != 0) continue;
        options->weights_as = (WeightsAs)i;
        return true;
    }
    return usage_error(status, "--weights-as is %s, not '%s'", table[OPTION_WEIGHTS_AS].value, name);
}

static bool read_precision(const char *name, Options *options, int *status) {
    for (int i = 0; i < PRECISIONS; i++) {
        if (strcmp(precision_names[i], name) != 0) continue;
        options->precision = (Precision)i;
        return true;
    }
    return usage_error(status, "--precision is %s, not '%s'", table[OPTION_PRECISION].value, name);
}

static bool read_recurrence(const char *name, Options *options, int *status) {
    options->recurrence_given = true;
    for (int i = 0; i < RECURRENCES; i++) {
        if (strcmp(recurrence_names[i], name) != 0) continue;
        options->recurrence = (Recurrence)i;
        return true;
    }
    return usage_error(status, "--recurrence is %s, not '%s'", table[OPTION_RECURRENCE].value, name);
}

static bool read_targets(const char *list, Options *options, int *status) {
    options->target_count = 0;
    options->targets_given = true;
    char *names = format("%s", list), *rest = NULL;
    for (char *name = strtok_r(names, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
        const Target *target = find_target(name);
        Text known = {0};
        for (int i = 0; targets[i]; i++) text_add(&known, "%s%s", i ? ", " : "", targets[i]->name);
        for (int i = 0; bf16_targets[i]; i++) text_add(&known, ", %s", bf16_targets[i]->name);
        for (int i = 0; inference_targets[i]; i++) text_add(&known, ", %s", inference_targets[i]->name);
        if (!target) return usage_error(status, "there is no target '%s'; those known are %s", name, known.bytes);
        for (int i = 0; i < options->target_count; i++)
            if (options->target[i] == target) return usage_error(status, "the target '%s' is given twice", name);
        options->target[options->target_count++] = target;
    }
    if (options->target_count == 0) return usage_error(status, "--targets names no target");
    return true;
}

static const struct {
    const char *name;
    int filtering;
} filterings[] = {{"none", 0}, {"2", 2}, {"4", 4}};

const char *filtering_name(int filtering) {
    size_t i = 0;
    while (filterings[i].filtering != filtering) i++;
    return filterings[i].name;
}

static bool read_filtering(const char *name, Options *options, int *status) {
    for (size_t i = 0; i < sizeof filterings / sizeof *filterings; i++)
        if (strcmp(filterings[i].name, name) == 0) {
            options->choices.filtering = filterings[i].filtering;
            return true;
        }
    return usage_error(status, "--filtering is %s, not '%s'", table[OPTION_FILTERING].value, name);
}

/* Returns false if the text does not begin with a whole number, or if the number is too large. */
static bool read_count(const char *text, const char **end, long *count) {
    uint64_t value;
    if (read_whole_number(text, end, &value) != WHOLE_READ || value > LONG_MAX) return false;
    *count = (long)value;
    return true;
}

/* A number of bytes, perhaps with a unit. */
static bool read_size(const char *text, const char **end, long *size) {
    static const struct {
        const char *name;
        long bytes;
    } units[] = {{"KiB", 1L << 10}, {"MiB", 1L << 20}, {"GiB", 1L << 30}, {"k", 1000}, {"M", 1000000}, {"G", 1000000000}, {"", 1}};
    size_t unit = 0;
    if (!read_count(text, end, size)) return false;
    while (strncmp(*end, units[unit].name, strlen(units[unit].name)) != 0) unit++;
    *end += strlen(units[unit].name);
    return !__builtin_mul_overflow(*size, units[unit].bytes, size);
}

static bool read_memory(const char *value, Options *options, int *status) {
    const char *end = value;
    long threads = 1;
    MemoryLimit memory = {0};
    bool good = read_size(value, &end, &memory.bytes) && memory.bytes > 0;
    if (good && *end == ',') good = read_count(end + 1, &end, &threads) && threads > 0 && threads <= MOST_THREADS;
    if (!good || *end)
        return usage_error(status,
                           "--max-ram wants a whole number of bytes above 0, as in 300000000, 300M or 300MiB, and perhaps how many "
                           "threads' scratch counts (1 to %d), as in 300M,4; not '%s'",
                           MOST_THREADS, value);
    memory.threads = (int)threads;
    options->memory = memory;
    return true;
}

static bool read_machine(const char *value, Options *options, int *status) {
    char *end = NULL;
    Machine machine = {.gigaflops = strtod(value, &end)};
    if (*end == ',') machine.gigabytes = strtod(end + 1, &end);
    const bool good = *end == 0 && machine.gigaflops > 0 && machine.gigaflops < 1e9 && machine.gigabytes > 0 && machine.gigabytes < 1e9;
    if (!good)
        return usage_error(status, "--machine wants two positive numbers below 1e9, GFLOP/s and GB/s, as in 256,40; not '%s'", value);
    options->machine = machine;
    options->kernels = true;
    return true;
}

static bool read_option(Option option, const char *value, Options *options, int *status) {
    switch (option) {
    case OPTION_DIRECTORY:
        if (!*value) return usage_error(status, "-o wants a name, and this one is empty");
        options->directory = value;
        return true;
    case OPTION_WEIGHTS:
        options->weights = value;
        return true;
    case OPTION_WEIGHTS_AS:
        return read_weights_as(value, options, status);
    case OPTION_PRECISION:
        return read_precision(value, options, status);
    case OPTION_RECURRENCE:
        return read_recurrence(value, options, status);
    case OPTION_ENDIAN:
        options->big_endian = strcmp(value, "big") == 0;
        return options->big_endian || strcmp(value, "little") == 0 || usage_error(status, "--endian is little or big, not '%s'", value);
    case OPTION_TARGETS:
        return read_targets(value, options, status);
    case OPTION_FILTERING:
        return read_filtering(value, options, status);
    case OPTION_TUNING:
        options->tuning = value;
        return true;
    case OPTION_KERNELS:
        return options->kernels = true;
    case OPTION_MAX_RAM:
        return read_memory(value, options, status);
    case OPTION_MACHINE:
        return read_machine(value, options, status);
    case OPTION_TIME:
        options->time = true;
        return true;
    case OPTION_DUMP:
        for (options->dump = 0; options->dump < PASS_COUNT; options->dump++)
            if (pass_can_be_dumped(options->dump) && strcmp(pass_name(options->dump), value) == 0) return true;
        return usage_error(status, "there is no pass '%s' to dump; the passes are: %s", value, dumped_passes());
    default:
        die("option %d", (int)option);
    }
}

/* The first row of an option's name, or OPTIONS. */
static Option find_option(const char *name, size_t length) {
    int i = 0;
    while (i < OPTIONS && (strlen(table[i].name) != length || strncmp(table[i].name, name, length) != 0)) i++;
    return (Option)i;
}

static Command find_command(const char *name) {
    int i = 0;
    while (i < COMMANDS && strcmp(commands[i].name, name) != 0) i++;
    return (Command)i;
}

/* --name VALUE and --name=VALUE */
static bool parse_option(int count, char **arguments, int *at, Options *options, bool given[OPTIONS], int *status) {
    const char *argument = arguments[*at], *equals = strncmp(argument, "--", 2) == 0 ? strchr(argument, '=') : NULL;
    const size_t length = equals ? (size_t)(equals - argument) : strlen(argument);
    const Option option = strcmp(argument, "-h") == 0 ? OPTION_HELP : find_option(argument, length);
    const char *value = equals ? equals + 1 : NULL;
    if (option == OPTIONS) return usage_error(status, "there is no option '%s'", argument);
    const char *name = table[option].name;
    if (value && !table[option].value) return usage_error(status, "%s takes no value", name);
    if (option == OPTION_HELP) {
        const bool before = options->command != COMMANDS;
        print_help(before || *at + 1 == count ? options->command : find_command(arguments[*at + 1]));
        return false;
    }
    if (option == OPTION_VERSION) {
        printf("zoetrope " ZOETROPE_VERSION "\n");
        return false;
    }
    if (given[option]) return usage_error(status, "%s is given twice; give it once", name);
    given[option] = true;
    if (!value && table[option].value) {
        if (++*at == count) return usage_error(status, "%s wants a value: %s %s", name, name, table[option].value);
        value = arguments[*at];
    }
    return read_option(option, value, options, status);
}

/* ---- what goes together ---- */

/* The commands that take an option, by all rows of its name. */
static int commands_of(Option option) {
    int set = 0;
    for (int i = 0; i < OPTIONS; i++)
        if (strcmp(table[i].name, table[option].name) == 0) set |= table[i].commands;
    return set;
}

static bool check_options(const Options *options, const bool given[OPTIONS], int *status) {
    static const Option not_with_dump[] = {OPTION_KERNELS, OPTION_MACHINE};
    const char *command = commands[options->command].name;
    for (int i = 0; i < OPTIONS; i++) {
        const int set = commands_of((Option)i);
        const char *others = command_names(set);
        if (given[i] && !(set >> options->command & 1))
            return usage_error(status, "%s takes no %s; %s %s", command, table[i].name, others, set & (set - 1) ? "do" : "does");
    }
    for (size_t i = 0; given[OPTION_DUMP] && i < sizeof not_with_dump / sizeof *not_with_dump; i++)
        if (given[not_with_dump[i]])
            return usage_error(status, "explain prints what a pass made, or its own tables; leave out %s, or --dump",
                               table[not_with_dump[i]].name);
    const bool writes = options->command == COMMAND_INFERENCE || (options->command == COMMAND_COMPILE && !given[OPTION_DUMP]);
    if (writes && !options->directory) return usage_error(status, "%s wants a folder to write to: -o DIR", command);
    if (options->command == COMMAND_INFERENCE && !options->weights)
        return usage_error(status, "inference wants the network's weights: --weights FILE");
    return true;
}

static const char *big_endian_names(bool pairs) {
    const Target *const *const lists[] = {targets, bf16_targets, inference_targets};
    Text names = text_begin();
    for (int l = 0; l < 3; l++)
        for (int i = 0; lists[l][i]; i++)
            if (!lists[l][i]->little_endian && (pairs || !lists[l][i]->pairs))
                text_add(&names, "%s%s", names.length ? ", " : "", lists[l][i]->name);
    return names.bytes;
}

/* Removes targets that no machine with that byte order can run, with a message if they were asked for. */
static bool check_byte_order(Options *options, int *status) {
    const int listed = options->target_count;
    int possible = 0;
    for (int i = 0; i < listed; i++) possible += !options->target[i]->little_endian;
    if (!possible)
        return usage_error(status, "no machine of the target '%s' is big-endian; with --endian big, --targets can be %s",
                           options->target[listed - 1]->name, big_endian_names(precision_has_pairs(options->precision)));
    options->target_count = 0;
    for (int i = 0; i < listed; i++) {
        const Target *target = options->target[i];
        if (!target->little_endian) options->target[options->target_count++] = target;
        else if (options->targets_given)
            fprintf(stderr, "zoetrope: note: no machine of the target '%s' is big-endian: it is left out\n", target->name);
    }
    return true;
}

static bool check_targets(Options *options, int *status) {
    for (int i = 0; i < options->target_count; i++) {
        const Target *target = options->target[i];
        if (target->inference_only && options->command != COMMAND_INFERENCE)
            return usage_error(status, "the target '%s' is for inference only; %s takes none of it", target->name,
                               commands[options->command].name);
        if (target->pairs && options->command == COMMAND_INFERENCE && !precision_has_pairs(options->precision))
            return usage_error(status, "the target '%s' multiplies in bfloat16: say --precision bf16 or int8 too, or take another target",
                               target->name);
    }
    if (options->command == COMMAND_COMPILE || options->command == COMMAND_INFERENCE)
        sort_targets(options->target, options->target_count); /* a program takes the first that its CPU has */
    return !options->big_endian || check_byte_order(options, status);
}

bool read_options(int count, char **arguments, Options *options, int *status) {
    bool given[OPTIONS] = {false};
    *options = (Options){.command = COMMANDS, .dump = PASS_COUNT, .choices = default_choices, .machine = {256, 40}};
    *status = 0;
    for (int i = 0; targets[i]; i++) options->target[options->target_count++] = targets[i];
    if (count == 1) {
        print_help(COMMANDS);
        *status = EXIT_USAGE;
        return false;
    }
    for (int at = 1; at < count; at++) {
        const char *argument = arguments[at];
        if (argument[0] == '-' && argument[1]) {
            if (!parse_option(count, arguments, &at, options, given, status)) return false;
        } else if (options->command == COMMANDS) {
            options->command = find_command(argument);
            if (options->command == COMMANDS) return usage_error(status, "there is no command '%s'", argument);
        } else if (!commands[options->command].takes_spec) {
            return usage_error(status, "%s takes no spec: '%s' is too much", commands[options->command].name, argument);
        } else if (options->spec) {
            return usage_error(status, "one spec at a time: '%s' is one too many", argument);
        } else options->spec = argument;
    }
    if (options->command == COMMANDS) return usage_error(status, "no command is given");
    if (commands[options->command].takes_spec && !options->spec)
        return usage_error(status, "%s wants a spec", commands[options->command].name);
    return check_options(options, given, status) && check_targets(options, status);
}
