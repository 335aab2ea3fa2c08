/* command.c: from the command line to a subcommand, and what more than one of them needs. */
#include "command.h"

#include "file.h"
#include "text.h"
#include "threads.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

int option_threads(const Options *options) {
    ThreadLimits limits = find_thread_limits("");
    ThreadBound bound;
    const int threads = choose_threads(&limits, options->threads, &bound);
    if (options->threads > threads)
        fprintf(stderr, "warning: --threads %" PRId64 ": OMP_THREAD_LIMIT allows %d; unset it for more\n", options->threads, threads);
    thread_limits_free(&limits);
    return threads;
}

uint64_t option_seed(const ModelDescription *model, const Options *options) {
    return options->seed_given ? options->seed : model->seed;
}

void print_model(FILE *out, const ModelState *state) {
    fprintf(out, "%s (spec %s), target %s, %d %s, seed %" PRIu64 "\n", state->model->name, state->model->spec_hash, state->target->name,
            state->threads, plural(state->threads, "thread", "threads"), state->seed);
}

bool load_weights(ModelState *state, const char *path, Error *error) {
    TensorFile file;
    if (!tensor_file_read(&file, path, error)) return false;
    bool good = checkpoint_load(state, NULL, &file, stderr, error);
    tensor_file_free(&file);
    return good;
}

/* ---- data ---- */

static void show_reading(void *context, int64_t videos, int64_t frames, const char *path) {
    (void)context;
    if (path == NULL) printf("\r\033[K");
    else printf("\r\033[Kreading videos: %" PRId64 ", %" PRId64 " %s", videos, frames, plural(frames, "frame", "frames"));
    fflush(stdout);
}

/* Videos that the program draws when there are no others. */
enum { SYNTHETIC_VIDEOS = 64, SYNTHETIC_FRAMES = 60 };

Dataset *open_data(const ModelDescription *model, const PathList *paths, const Options *options, const volatile sig_atomic_t *stop,
                   Error *error) {
    bool terminal = isatty(STDOUT_FILENO) == 1;
    DatasetOptions how = {.T = model->T,
                          .channels = model->channels,
                          .height = model->height,
                          .width = model->width,
                          .cache_bytes = options->cache > 0    ? (size_t)options->cache
                                         : options->cache == 0 ? 1
                                                               : 0, /* 0: the default */
                          .progress = terminal ? show_reading : NULL,
                          .stop = stop};
    Dataset *data = paths->count > 0 ? dataset_open(paths->path, paths->count, &how, error)
                                     : dataset_open_synthetic(option_seed(model, options), 0, SYNTHETIC_VIDEOS, model->T + SYNTHETIC_FRAMES,
                                                              &how, error);
    if (terminal) printf("\r\033[K");
    return data;
}

/* ---- the program ---- */

static int run_command(const ModelDescription *model, Command command, const Options *options, Error *error) {
    switch (command) {
    case COMMAND_TRAIN:
        return command_train(model, options, error);
    case COMMAND_RECONSTRUCT:
        return command_reconstruct(model, options, error);
    case COMMAND_SCORE:
        return command_score(model, options, error);
    case COMMAND_STEP:
        return command_step(model, options, error);
    case COMMAND_INFO:
        return command_info(model, options, error);
    case COMMAND_PROFILE:
        return command_profile(model, options, error);
    case COMMAND_COUNT:
        break;
    }
    return EXIT_USAGE;
}

int run_program(const ModelDescription *model, int count, char *const *arguments) {
    Command command;
    Options options;
    Error error = {""};
    int status = EXIT_DONE;
    keep_standard_streams();
    setvbuf(stdout, NULL, _IOLBF, 0); /* a pipe sees each line when it is printed, as a terminal does */
    signal(SIGXFSZ, SIG_IGN); /* a file that grows beyond a limit (ulimit -f) is an error of whoever writes it */
    switch (options_parse(count, arguments, &command, &options, &error)) {
    case PARSE_HELP:
        options_print_help(stdout, model->name, command);
        break;
    case PARSE_VERSION:
        printf("%s, compiled by zoetrope %s from spec %s\n", model->name, model->compiler_version, model->spec_hash);
        break;
    case PARSE_RUN:
        status = run_command(model, command, &options, &error);
        break;
    case PARSE_WRONG:
        status = EXIT_USAGE;
        break;
    }
    options_free(&options);
    if ((fflush(stdout) != 0 || ferror(stdout)) && (status == EXIT_DONE || status == EXIT_INCOMPLETE)) {
        fail(&error, "standard output cannot be written; it is closed, or there is no room where it goes");
        status = EXIT_ERROR;
    }
    if (status != EXIT_DONE && status < EXIT_SIGNAL) print_escaped(stderr, "error: %s", error.text);
    return status;
}
