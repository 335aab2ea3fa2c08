/* options.c: the subcommands and their options. */
#include "options/options.h"

#include "common/file.h"
#include "common/whole_number.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef enum { OPTION_FLAG, OPTION_PATH, OPTION_PATHS, OPTION_NUMBER, OPTION_BYTES, OPTION_SEED, OPTION_CHOICE } OptionKind;

typedef struct Option {
    const char *name;
    unsigned commands, required; /* sets of 1 << Command */
    OptionKind kind;
    const char *value; /* its name in --help; for a choice a|b, which become 0 and 1 */
    size_t place;      /* in Options */
    int64_t low, high; /* of numbers */
    const char *help;
} Option;

enum {
    TRAIN = 1 << COMMAND_TRAIN,
    RECONSTRUCT = 1 << COMMAND_RECONSTRUCT,
    SCORE = 1 << COMMAND_SCORE,
    STEP = 1 << COMMAND_STEP,
    INFO = 1 << COMMAND_INFO,
    PROFILE = 1 << COMMAND_PROFILE,
    ALL = TRAIN | RECONSTRUCT | SCORE | STEP | INFO | PROFILE
};

#define PLACE(field) offsetof(Options, field)
/* clang-format off */
static const Option option_table[] = {
    {"data", TRAIN, 0, OPTION_PATHS, "DIR|FILE…", PLACE(data), 0, 0,
     "videos, folders of still images, and folders of these; where T is 1, also idx files (default: videos that the program draws itself)"},
    {"data", RECONSTRUCT | SCORE, RECONSTRUCT | SCORE, OPTION_PATHS, "DIR|FILE…", PLACE(data), 0, 0,
     "videos, folders of still images, and folders of these; where T is 1, also idx files"},
    {"validation", TRAIN, 0, OPTION_PATHS, "DIR|FILE…", PLACE(validation), 0, 0,
     "videos to measure loss and PSNR on with every strip; the best weights become best.safetensors"},
    {"weights", RECONSTRUCT | SCORE | STEP, RECONSTRUCT | SCORE | STEP, OPTION_PATH, "FILE", PLACE(weights), 0, 0,
     "the weights, a safetensors file"},
    {"batch", STEP, STEP, OPTION_PATH, "FILE", PLACE(batch), 0, 0,
     "a safetensors file with x (B, T, C, H, W), and h0 (layers, B, hidden) if the model has a random initial state; a spec of version 2 may "
     "also have x.<step>, noise.<name>, and other draws by the names that --out gives them (drawn.…)"},
    {"out", TRAIN, 0, OPTION_PATH, "DIR", PLACE(out), 0, 0,
     "the folder of the run (default: runs/<model>); it must not hold another run"},
    {"out", RECONSTRUCT | SCORE, RECONSTRUCT | SCORE, OPTION_PATH, "DIR", PLACE(out), 0, 0,
     "the folder to write"},
    {"out", STEP, STEP, OPTION_PATH, "FILE", PLACE(out), 0, 0,
     "the safetensors file to write"},
    {"out", PROFILE, 0, OPTION_PATH, "FILE", PLACE(out), 0, 0,
     "the picture to write (default: profile.svg)"},
    {"iterations", TRAIN, 0, OPTION_NUMBER, "N", PLACE(iterations), 1, INT64_MAX / 2,
     "the number of iterations in all (default: the spec's)"},
    {"init", TRAIN, 0, OPTION_PATH, "FILE", PLACE(init), 0, 0,
     "start from the weights of this safetensors file, ours or PyTorch's"},
    {"checkpoint-every", TRAIN, 0, OPTION_NUMBER, "N", PLACE(checkpoint_every), 1, INT64_MAX / 2,
     "keep itr<N>.safetensors after every N iterations"},
    {"resume", TRAIN, 0, OPTION_FLAG, NULL, PLACE(resume), 0, 0,
     "continue from last.state.safetensors in the run's folder, as if it had never stopped"},
    {"cache", TRAIN | RECONSTRUCT | SCORE, 0, OPTION_BYTES, "BYTES", PLACE(cache), 0, INT64_MAX / 2,
     "memory for decoded videos, such as 512M; longer ones are streamed (default: 1G)"},
    {"steps", STEP, 0, OPTION_NUMBER, "N", PLACE(steps), 1, INT32_MAX,
     "how many updates to make (default 1)"},
    {"steps", PROFILE, 0, OPTION_NUMBER, "N", PLACE(steps), 1, 1000000,
     "how many steps to measure (default 20)"},
    {"step", PROFILE, 0, OPTION_NUMBER, "N", PLACE(step), 0, INT32_MAX,
     "measure only this step of the spec's `steps`, counted from 0 (default: all, one after another)"},
    {"eval", PROFILE, 0, OPTION_FLAG, NULL, PLACE(evaluate), 0, 0,
     "measure the forward pass with running statistics instead of a training step"},
    {"eval", STEP, 0, OPTION_FLAG, NULL, PLACE(evaluate), 0, 0,
     "no update, only a forward pass with running statistics: writes loss and recon; of version 2, outputs and score"},
    {"threads", ALL, 0, OPTION_NUMBER, "N", PLACE(threads), 1, 1024,
     "threads for the kernels (default: one for each processor, within the quotas of cgroups, OMP_NUM_THREADS and OMP_THREAD_LIMIT: see info); "
     "results do not depend on them"},
    {"recurrence", SCORE, 0, OPTION_CHOICE, "window|carried", PLACE(recurrence), 0, 0,
     "the past of a frame: the last T frames, as in the clips of training, or all frames of its video, which training never saw (default: window); only for specs of version 1"},
    {"seed", SCORE, 0, OPTION_SEED, "S", PLACE(seed), 0, 0,
     "begin each video from a state drawn from N(0, 1), if training did; 0: from zeros (default: 0); of a spec of version 2, the seed of its noise (default: the spec's)"},
    {"seed", ALL & ~SCORE, 0, OPTION_SEED, "S", PLACE(seed), 0, 0,
     "the seed of everything random (default: the spec's)"},
};
static const struct { const char *name, *summary, *about, *examples[3]; } command_table[COMMAND_COUNT] = {
    [COMMAND_TRAIN] = {"train", "train on videos",
        "Trains on the clips of videos, each drawn at random. Every training.strips_every iterations and at the end it writes strips "
        "(real_itr<N>_no<K>.png, recon_itr<N>_no<K>.png, samples_itr<N>_no<K>.png), loss.svg, last.safetensors (the weights) and last.state.safetensors (what --resume "
        "reads); metrics.jsonl gets a line for every iteration. There, and in the names of strips, N counts from 0; what "
        "is printed, and itr<N>.safetensors, count from 1. Ctrl-C, SIGTERM or SIGHUP finishes the iteration and saves. A second signal "
        "within five seconds changes nothing; a later one stops at once.",
        {"train --data videos/", "train --data videos/ --validation held_out/ --out runs/second --seed 7", "train --data videos/ --iterations 20000 --resume"}},
    [COMMAND_RECONSTRUCT] = {"reconstruct", "reconstruct videos, and measure how well",
        "Splits every video into clips that do not overlap, reconstructs each, and writes strips, a table of PSNR and SSIM, and "
        "reconstruct.jsonl. Batch norm uses its running statistics. Of a spec of version 2, it writes all outputs: pictures as strips, vectors in "
        "reconstruct.jsonl.",
        {"reconstruct --weights runs/NAME/best.safetensors --data held_out/ --out results/"}},
    [COMMAND_SCORE] = {"score", "give each frame of videos an anomaly score",
        "Runs every video frame by frame, from its first to its last, as an inference bundle does on a camera. Writes scores.csv (video, frame, "
        "score), scores.svg, and strips of the worst moments (real_worst<K>_….png, recon_worst<K>_….png). A score is the mean squared error "
        "of the frame's reconstruction, with pixels in [0, 1]. A frame whose score is not finite gets `nan`, and the exit status is 4. "
        "Of a spec of version 2, the score is the spec's, of each frame, clip or image (see docs/training.md).",
        {"score --weights runs/NAME/best.safetensors --data camera.mp4 --out scores/"}},
    [COMMAND_STEP] = {"step", "one or more updates on a given batch, for verification",
        "Writes loss, recon and grad.<parameter> of the first step, loss.<i> before each update, and param.<name> after the last. "
        "Of a spec of version 2: drawn.<key>, step<s>.loss.<name>.<i>, step<s>.grad.<parameter>, param.<name> and average.<name>. "
        "The bytes of the output depend only on the spec, the target, the weights, the batch and --steps.",
        {"step --weights W.safetensors --batch B.safetensors --out O.safetensors --steps 10",
         "step --weights W.safetensors --batch B.safetensors --out O.safetensors --eval"}},
    [COMMAND_INFO] = {"info", "the model's name, spec, target, parameters and memory", "Prints what this program was compiled from and what it needs.",
        {"info", "info --threads 8"}},
    [COMMAND_PROFILE] = {"profile", "where the time of a step goes, beside this machine's limits",
        "Measures this machine's peak of multiply-adds and its memory bandwidth, then every kernel of a training step in place (medians), and "
        "prints them by the time that each takes beyond its limit: arithmetic at the peak or memory traffic at the bandwidth, whichever is longer. "
        "A convolution's arithmetic is a product for each tap, though filtering needs fewer. Kernels whose data stays in caches may beat the bandwidth.",
        {"profile", "profile --eval --threads 1 --out forward.svg"}},
};
/* clang-format on */

enum { OPTION_COUNT = sizeof option_table / sizeof *option_table };

const char *command_name(Command command) {
    return command_table[command].name;
}

/* ---- the nearest correct word ---- */

static int edit_distance(const char *a, const char *b) {
    enum { LONGEST = 40 };
    size_t n = strlen(b);
    int row[LONGEST + 1];
    if (n > LONGEST || strlen(a) > LONGEST) return LONGEST;
    for (int j = 0; j <= (int)n; j++) row[j] = j;
    for (size_t i = 0; a[i] != 0; i++) {
        int diagonal = row[0];
        row[0] = (int)i + 1;
        for (size_t j = 0; j < n; j++) {
            int best = diagonal + (a[i] != b[j]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j + 1] + 1 < best) best = row[j + 1] + 1;
            diagonal = row[j + 1];
            row[j + 1] = best;
        }
    }
    return row[n];
}

/* Keeps the candidate that is nearest to `word` in *nearest, if it is near enough. */
static void consider(const char *word, const char *candidate, int *distance, const char **nearest) {
    int here = edit_distance(word, candidate);
    if (here < *distance && here <= 1 + (int)strlen(candidate) / 3) {
        *distance = here;
        *nearest = candidate;
    }
}

/* ---- values ---- */

static bool parse_number(const Option *option, const char *text, int64_t *number, Error *error) {
    const char *end;
    uint64_t value;
    bool good = read_whole_number(text, &end, &value) == WHOLE_READ;
    int shift = 0;
    const char *suffix = option->kind == OPTION_BYTES && *end != 0 ? strchr("KMGT", *end & ~0x20) : NULL;
    if (suffix != NULL) {
        shift = 10 * (int)(suffix - "KMGT" + 1);
        end++;
    }
    good = good && *end == 0 && value <= (uint64_t)option->high >> shift;
    if (good) *number = (int64_t)(value << shift);
    if (!good || *number < option->low) {
        return fail(error, "--%s %.60s: give a whole number%s from %" PRId64 " to %" PRId64, option->name, text,
                    option->kind == OPTION_BYTES ? " of bytes, such as 512M," : "", option->low, option->high);
    }
    return true;
}

static bool parse_seed(const char *text, uint64_t *seed, Error *error) {
    const char *end;
    if (read_whole_number(text, &end, seed) == WHOLE_READ && *end == 0) return true;
    return fail(error, "--seed %.60s: give a whole number from 0 to 18446744073709551615", text);
}

/* One of the words of option->value: its index. */
static bool parse_choice(const Option *option, const char *text, int64_t *choice, Error *error) {
    const size_t length = strlen(text);
    *choice = 0;
    for (const char *word = option->value, *end; *word != 0; word = end + (*end != 0), ++*choice) {
        end = word + strcspn(word, "|");
        if ((size_t)(end - word) == length && strncmp(word, text, length) == 0) return true;
    }
    return fail(error, "--%s %.60s: give one of %s", option->name, text, option->value);
}

static bool set_value(const Option *option, const char *value, Options *options, bool *given, Error *error) {
    void *place = (char *)options + option->place;
    if (option->kind != OPTION_PATHS && *given) return fail(error, "--%s is given twice; give it once", option->name);
    *given = true;
    if (option->kind == OPTION_FLAG) return *(bool *)place = true;
    if (value[0] == 0) return fail(error, "--%s: an empty value; give %s", option->name, option->value);
    if (option->kind == OPTION_PATH) {
        *(const char **)place = value;
    } else if (option->kind == OPTION_PATHS) {
        PathList *list = place;
        list->path = reallocate(list->path, ((size_t)list->count + 1) * sizeof *list->path);
        list->path[list->count++] = value;
    } else if (option->kind == OPTION_SEED) {
        return options->seed_given = parse_seed(value, place, error);
    } else if (option->kind == OPTION_CHOICE) {
        return parse_choice(option, value, place, error);
    } else {
        return parse_number(option, value, place, error);
    }
    return true;
}

/* ---- the command line ---- */

/* `word`: the text after "--"; its first `length` bytes are the name. NULL with an error. */
static const Option *find_option(const char *word, size_t length, Command command, Error *error) {
    char name[41];
    const char *nearest = NULL, *of_another = NULL;
    int distance = INT32_MAX;
    snprintf(name, sizeof name, "%.*s", (int)(length < 40 ? length : 40), word);
    for (int i = 0; i < OPTION_COUNT; i++) {
        bool takes = (option_table[i].commands & 1U << command) != 0, same = strcmp(option_table[i].name, name) == 0;
        if (same && takes) return &option_table[i];
        if (same) of_another = option_table[i].name;
        if (takes) consider(name, option_table[i].name, &distance, &nearest);
    }
    if (of_another != NULL) fail(error, "%s takes no --%s; see %s --help", command_name(command), name, command_name(command));
    else if (nearest != NULL) fail(error, "unknown option --%s; did you mean --%s?", name, nearest);
    else fail(error, "unknown option --%s; see %s --help", name, command_name(command));
    return NULL;
}

static bool find_command(const char *word, Command *command, Error *error) {
    const char *nearest = NULL;
    int distance = INT32_MAX;
    for (int i = 0; i < COMMAND_COUNT; i++) {
        *command = (Command)i;
        if (strcmp(word, command_table[i].name) == 0) return true;
        consider(word, command_table[i].name, &distance, &nearest);
    }
    if (nearest != NULL) return fail(error, "unknown command %.40s; did you mean %s?", word, nearest);
    return fail(error, "unknown command %.40s; give train, reconstruct, score, step, info or profile", word);
}

static bool is_help(const char *word) {
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* The option at arguments[*at] with its values; *at moves past them. */
static bool parse_option(int count, char *const *arguments, int *at, Command command, Options *options, bool *given, Error *error) {
    const char *word = arguments[(*at)++];
    if (strncmp(word, "--", 2) != 0 || word[2] == 0)
        return fail(error, "unexpected argument %.200s; %s takes options only, see %s --help", word, command_name(command),
                    command_name(command));
    const char *equals = strchr(word, '=');
    const Option *option = find_option(word + 2, equals != NULL ? (size_t)(equals - word - 2) : strlen(word + 2), command, error);
    if (option == NULL) return false;
    bool *was_given = &given[option - option_table];
    if (option->kind == OPTION_FLAG) {
        if (equals != NULL) return fail(error, "--%s takes no value", option->name);
        return set_value(option, "", options, was_given, error);
    }
    if (equals != NULL) return set_value(option, equals + 1, options, was_given, error);
    if (*at == count || strncmp(arguments[*at], "--", 2) == 0) return fail(error, "--%s needs a value: %s", option->name, option->value);
    do {
        if (!set_value(option, arguments[(*at)++], options, was_given, error)) return false;
    } while (option->kind == OPTION_PATHS && *at < count && strncmp(arguments[*at], "--", 2) != 0);
    return true;
}

ParseResult options_parse(int count, char *const *arguments, Command *command, Options *options, Error *error) {
    *options = (Options){.iterations = -1, .checkpoint_every = -1, .steps = -1, .step = -1, .threads = -1, .cache = -1};
    *command = COMMAND_COUNT;
    bool given[OPTION_COUNT] = {false};
    if (count < 2) {
        fail(error, "give a command: train, reconstruct, score, step, info or profile");
        return PARSE_WRONG;
    }
    if (is_help(arguments[1]) || strcmp(arguments[1], "help") == 0) return PARSE_HELP;
    if (strcmp(arguments[1], "--version") == 0) return PARSE_VERSION;
    if (!find_command(arguments[1], command, error)) return PARSE_WRONG;
    for (int i = 2; i < count; i++) {
        if (is_help(arguments[i])) return PARSE_HELP;
    }
    for (int at = 2; at < count;) {
        if (!parse_option(count, arguments, &at, *command, options, given, error)) return PARSE_WRONG;
    }
    for (int i = 0; i < OPTION_COUNT; i++) {
        if ((option_table[i].required & 1U << *command) == 0 || given[i]) continue;
        fail(error, "%s needs --%s %s; see %s --help", command_name(*command), option_table[i].name, option_table[i].value,
             command_name(*command));
        return PARSE_WRONG;
    }
    if (options->resume && options->init != NULL) {
        fail(error, "--resume continues with the run's own weights, so it cannot be combined with --init; leave out one of the two");
        return PARSE_WRONG;
    }
    if (*command == COMMAND_STEP && options->evaluate && options->steps > 0) {
        fail(error, "--eval makes no update, so it cannot be combined with --steps; leave out one of the two");
        return PARSE_WRONG;
    }
    return PARSE_RUN;
}

void options_free(Options *options) {
    free(options->data.path);
    free(options->validation.path);
}

/* ---- help ---- */

static void print_overview(FILE *out, const char *program) {
    fprintf(out, "%s: a video auto-encoder, compiled by zoetrope\n\nusage: %s COMMAND [OPTION]…\n\ncommands:\n", program, program);
    for (int i = 0; i < COMMAND_COUNT; i++) fprintf(out, "  %-12s %s\n", command_table[i].name, command_table[i].summary);
    fprintf(out, "\n%s COMMAND --help explains a command; %s --version prints the version.\n", program, program);
    fputs("\nenvironment:\n"
          "  ZOETROPE_TARGET  the instruction set to use instead of the best: one of those\n"
          "                   that info lists\n"
          "  OMP_NUM_THREADS  the most threads for the kernels, if --threads is not given\n"
          "  OMP_THREAD_LIMIT the most threads, whatever --threads is\n"
          "  OMP_WAIT_POLICY  passive: waiting threads sleep; best if other programs\n"
          "                   use the same processors\n"
          "\nexit status:\n"
          "  0    done\n"
          "  1    an error; standard error has the message\n"
          "  2    a wrong command line\n"
          "  3    train: stopped by a signal, and the iterations since the last save are\n"
          "       lost: saving failed, or a signal more than five seconds after the first\n"
          "       asked for an end at once\n"
          "  4    reconstruct, score: done, but part of what was asked for has no complete\n"
          "       result; standard error says which, and why\n"
          "  129, 130, 143  train: stopped by SIGHUP, SIGINT (Ctrl-C) or SIGTERM, after\n"
          "                 saving\n",
          out);
}

/* The columns of a text: "…" is one column, but three bytes. */
static int columns(const char *text, int length) {
    int count = 0;
    for (int i = 0; i < length; i++) count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

/* Prints the words of `text` from column `indent` on, where the cursor is. */
static void print_wrapped(FILE *out, int indent, const char *text) {
    enum { SCREEN = 80 };
    for (int column = indent; *text != 0;) {
        const int length = (int)strcspn(text, " "), width = columns(text, length);
        if (column > indent && column + 1 + width > SCREEN) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        }
        fprintf(out, "%s%.*s", column > indent ? " " : "", length, text);
        column += (column > indent) + width;
        text += length + (text[length] != 0);
    }
    fputc('\n', out);
}

void options_print_help(FILE *out, const char *program, Command command) {
    if (command == COMMAND_COUNT) {
        print_overview(out, program);
        return;
    }
    fprintf(out, "usage: %s %s [OPTION]…\n\n", program, command_name(command));
    print_wrapped(out, 0, command_table[command].about);
    fputs("\noptions:\n", out);
    for (int i = 0; i < OPTION_COUNT; i++) {
        const Option *option = &option_table[i];
        if ((option->commands & 1U << command) == 0) continue;
        enum { INDENT = 26 };
        char *head = path_join("", "  --%s %s", option->name, option->value != NULL ? option->value : "");
        char *text = path_join("", "%s%s", option->help, (option->required & 1U << command) != 0 ? "; required" : "");
        const int width = columns(head, (int)strlen(head));
        if (width < INDENT) fprintf(out, "%s%*s", head, INDENT - width, "");
        else fprintf(out, "%s\n%*s", head, INDENT, "");
        print_wrapped(out, INDENT, text);
        free(head);
        free(text);
    }
    fputs("\nexamples:\n", out);
    for (int i = 0; i < 3 && command_table[command].examples[i] != NULL; i++)
        fprintf(out, "  %s %s\n", program, command_table[command].examples[i]);
}
