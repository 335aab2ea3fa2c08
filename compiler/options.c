/* The command line: one table of commands, one of options. */
#include "main.h"
#include "version.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *arguments, *help;
} commands[COMMANDS] = {
    [COMMAND_COMPILE] = {"compile", "SPEC -o DIR", "write the C files of a trainer for the network in SPEC"},
    [COMMAND_INFERENCE] = {"inference", "SPEC -o DIR",
                           "write C that runs the network without anything else, with the weights in --weights"},
    [COMMAND_TUNE] = {"tune", "SPEC [-o FILE]",
                      "measure choices for the kernels of SPEC on this machine, in minutes, and write a file for --tuning"},
    [COMMAND_EXPLAIN] = {"explain", "SPEC", "print each layer's shape, parameters, FLOPs and bytes, and the memory of each target"},
    [COMMAND_CHECK] = {"check", "SPEC", "only say whether SPEC is correct"},
    [COMMAND_DOCUMENTATION] = {"documentation", "", "print the reference of the spec language (docs/spec.md)"},
};

typedef enum {
    OPTION_DIRECTORY,
    OPTION_WEIGHTS,
    OPTION_WEIGHTS_AS,
    OPTION_PRECISION,
    OPTION_ENDIAN,
    OPTION_TARGETS,
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

static const struct {
    const char *name, *value, *help;
} table[OPTIONS] = {
    [OPTION_DIRECTORY] = {"-o", "DIR",
                          "the folder to write to; it is made where it is missing (tune: the file; default: specs/tuning/NAME.CPU.yaml)"},
    [OPTION_WEIGHTS] = {"--weights", "FILE", "inference: the weights, as a trainer saves them (safetensors)"},
    [OPTION_WEIGHTS_AS] = {"--weights-as", "file|object|array",
                           "inference: beside the file, an assembler file that links it, or, up to 1 MB, a C array (default: file)"},
    [OPTION_PRECISION] = {"--precision", "f32|f16|bf16|int8",
                          "inference: what weights are stored as; f16 and bf16 take half of a float, int8 a quarter (default: f32)"},
    [OPTION_ENDIAN] = {"--endian", "ORDER",
                       "inference: the byte order of the machines that will read the weights, little (default) or big"},
    [OPTION_TARGETS] = {"--targets", "LIST",
                        "instruction sets to generate for, separated by commas (default: all; tune: those that this CPU has)"},
    [OPTION_FILTERING] = {"--filtering", "none|2|4",
                          "convolve with fewer multiplications, by tiles of so many outputs, where that is faster (default: 2)"},
    [OPTION_TUNING] = {"--tuning", "FILE",
                       "compile, explain: the choices that were measured (zoetrope tune), in the place of the cost model's"},
    [OPTION_MAX_RAM] = {"--max-ram", "BYTES[,N]",
                        "train within this, on N threads (default: 1), by computing again what is not kept; also 300M, 300MiB"},
    [OPTION_KERNELS] = {"--kernels", NULL, "explain: each kernel's FLOPs, bytes and the roofline's time, for the first of the targets"},
    [OPTION_MACHINE] = {"--machine", "G,B", "explain: with a machine of so many GFLOP/s and GB/s (default: 256,40)"},
    [OPTION_DUMP] = {"--dump", "PASS", "print what a pass made, and write nothing"},
    [OPTION_TIME] = {"--time", NULL, "print what each pass cost"},
    [OPTION_HELP] = {"--help", NULL, "print this"},
    [OPTION_VERSION] = {"--version", NULL, "print the version"},
};

static void print_help(void) {
    printf("zoetrope compiles the YAML spec of a video auto-encoder to plain C: the forward pass, the backward pass and the optimizer's\n"
           "step, with fixed shapes, for several instruction sets.\n\nUsage:\n");
    for (int i = 0; i < COMMANDS; i++) printf("  zoetrope %-13s %-12s  %s\n", commands[i].name, commands[i].arguments, commands[i].help);
    printf("\nOptions:\n");
    for (int i = 0; i < OPTIONS; i++)
        printf("  %-19s %s\n", table[i].value ? format("%s %s", table[i].name, table[i].value) : table[i].name, table[i].help);
    printf("\nTargets:\n");
    for (int i = 0; targets[i]; i++) printf("  %-19s %s\n", targets[i]->name, targets[i]->describes);
    for (int i = 0; inference_targets[i]; i++) printf("  %-19s %s\n", inference_targets[i]->name, inference_targets[i]->describes);
    printf("\nPasses:\n ");
    for (Pass pass = 0; pass < PASS_COUNT; pass++)
        if (pass_can_be_dumped(pass)) printf(" %s", pass_name(pass));
    printf(
        "\n\nExamples:\n"
        "  zoetrope check specs/gru_ae.yaml\n"
        "  zoetrope explain specs/gru_ae.yaml --targets avx2 --kernels\n"
        "  zoetrope compile specs/gru_ae.yaml -o generated/gru_ae\n"
        "  zoetrope compile specs/gru_ae.yaml --dump=schedule --targets avx2\n"
        "\nExit status: 0 done; 1 the spec has errors, a file cannot be read or written, or memory is short; 2 the command line is wrong.\n");
}

static bool usage_error(int *status, const char *pattern, ...) __attribute__((format(printf, 2, 3)));
static bool usage_error(int *status, const char *pattern, ...) {
    va_list arguments;
    va_start(arguments, pattern);
    fprintf(stderr, "zoetrope: %s\nzoetrope --help lists the commands and options.\n", format_list(pattern, arguments));
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

/* False: that does not begin with a whole number, or with one that is too large. */
static bool read_count(const char *text, const char **end, long *count) {
    *count = 0;
    for (*end = text; **end >= '0' && **end <= '9'; ++*end)
        if (__builtin_mul_overflow(*count, 10, count) || __builtin_add_overflow(*count, **end - '0', count)) return false;
    return *end > text;
}

/* Bytes, or so many of a unit. */
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
    if (!good) return usage_error(status, "--machine wants two positive numbers, GFLOP/s and GB/s, as in 256,40; not '%s'", value);
    options->machine = machine;
    options->kernels = true;
    return true;
}

static bool read_option(Option option, const char *value, Options *options, int *status) {
    switch (option) {
    case OPTION_DIRECTORY:
        if (!*value) return usage_error(status, "-o wants the name of a folder, and this one is empty");
        options->directory = value;
        return true;
    case OPTION_WEIGHTS:
        options->weights = value;
        return true;
    case OPTION_WEIGHTS_AS:
        return read_weights_as(value, options, status);
    case OPTION_PRECISION:
        return read_precision(value, options, status);
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
        return usage_error(status, "there is no pass '%s' to dump", value);
    case OPTION_HELP:
        print_help();
        return false;
    case OPTION_VERSION:
        printf("zoetrope " ZOETROPE_VERSION "\n");
        return false;
    default:
        die("option %d", (int)option);
    }
}

/* --name VALUE and --name=VALUE */
static bool parse_option(int count, char **arguments, int *at, Options *options, int *status) {
    const char *argument = arguments[*at], *equals = strncmp(argument, "--", 2) == 0 ? strchr(argument, '=') : NULL;
    size_t length = equals ? (size_t)(equals - argument) : strlen(argument);
    for (int i = 0; i < OPTIONS; i++) {
        if (strlen(table[i].name) != length || strncmp(table[i].name, argument, length) != 0) continue;
        const char *value = equals ? equals + 1 : NULL;
        if (value && !table[i].value) return usage_error(status, "%s takes no value", table[i].name);
        if (!value && table[i].value) {
            if (++*at == count) return usage_error(status, "%s wants a value: %s %s", table[i].name, table[i].name, table[i].value);
            value = arguments[*at];
        }
        return read_option((Option)i, value, options, status);
    }
    if (strcmp(argument, "-h") == 0) return read_option(OPTION_HELP, NULL, options, status);
    return usage_error(status, "there is no option '%s'", argument);
}

bool read_options(int count, char **arguments, Options *options, int *status) {
    *options = (Options){.command = COMMANDS, .dump = PASS_COUNT, .choices = default_choices, .machine = {256, 40}};
    *status = 0;
    for (int i = 0; targets[i]; i++) options->target[options->target_count++] = targets[i];
    if (count == 1) {
        print_help();
        *status = EXIT_USAGE;
        return false;
    }
    for (int at = 1; at < count; at++) {
        const char *argument = arguments[at];
        if (argument[0] == '-' && argument[1]) {
            if (!parse_option(count, arguments, &at, options, status)) return false;
            continue;
        }
        if (options->command == COMMANDS) {
            for (int i = 0; i < COMMANDS; i++)
                if (strcmp(commands[i].name, argument) == 0) options->command = (Command)i;
            if (options->command == COMMANDS) return usage_error(status, "there is no command '%s'", argument);
        } else if (!options->spec) {
            options->spec = argument;
        } else {
            return usage_error(status, "one spec at a time: '%s' is one too many", argument);
        }
    }
    if (options->command == COMMANDS) return usage_error(status, "no command is given");
    if (options->command != COMMAND_DOCUMENTATION && !options->spec)
        return usage_error(status, "%s wants a spec", commands[options->command].name);
    for (int i = 0; i < options->target_count; i++)
        if (options->target[i]->inference_only && options->command != COMMAND_INFERENCE)
            return usage_error(status, "the target '%s' is for inference only; %s takes none of it", options->target[i]->name,
                               commands[options->command].name);
    if (options->tuning && options->command != COMMAND_COMPILE && options->command != COMMAND_EXPLAIN)
        return usage_error(status, "%s takes no --tuning; compile and explain do", commands[options->command].name);
    for (int i = 0; i < options->target_count; i++)
        if (options->target[i]->pairs && options->command == COMMAND_INFERENCE && options->precision != PRECISION_BF16)
            return usage_error(status, "the target '%s' multiplies in bfloat16: say --precision bf16 too, or take another target",
                               options->target[i]->name);
    if (options->memory.bytes && options->command != COMMAND_COMPILE && options->command != COMMAND_EXPLAIN)
        return usage_error(status, "--max-ram is about training: it goes with compile and explain, not with %s",
                           commands[options->command].name);
    const bool writes = options->command == COMMAND_INFERENCE || (options->command == COMMAND_COMPILE && options->dump == PASS_COUNT);
    if (writes && !options->directory) return usage_error(status, "%s wants a folder to write to: -o DIR", commands[options->command].name);
    if (options->command == COMMAND_INFERENCE && !options->weights)
        return usage_error(status, "inference wants the network's weights: --weights FILE");
    return true;
}
