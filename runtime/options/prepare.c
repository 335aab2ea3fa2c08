/* prepare.c: prepares what commands need from their options. */
#include "options/prepare.h"

#include "machine/threads.h"

#include <inttypes.h>
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

/* Videos that the program draws if there are no others. */
enum { SYNTHETIC_VIDEOS = 64, SYNTHETIC_FRAMES = 60 };

static Dataset *open_with(const ModelDescription *model, int T, const PathList *paths, const Options *options,
                          const volatile sig_atomic_t *stop, Error *error) {
    bool terminal = isatty(STDOUT_FILENO) == 1;
    DatasetOptions how = {.T = T,
                          .images = model->T == 1,
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

Dataset *open_data(const ModelDescription *model, const PathList *paths, const Options *options, const volatile sig_atomic_t *stop,
                   Error *error) {
    return open_with(model, model->T, paths, options, stop, error);
}

Dataset *open_frames(const ModelDescription *model, const Options *options, Error *error) {
    return open_with(model, 1, &options->data, options, NULL, error);
}
