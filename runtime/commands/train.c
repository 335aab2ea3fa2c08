/* train.c: the training loop. */
#include "exact.h"

#include "commands/commands.h"
#include "common/file.h"
#include "common/text.h"
#include "machine/clock.h"
#include "model/quality.h"
#include "training/iteration.h"
#include "training/progress.h"
#include "training/run.h"
#include "training/validation.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- signals: the iteration is finished, then everything is saved ---- */

enum { SAME_WISH = 5 /* seconds */ };

static volatile sig_atomic_t caught_signal; /* the first one, or 0 */
static atomic_llong caught_at;              /* when, in milliseconds; 0: none yet */

static const char *signal_name(int number) {
    return number == SIGINT ? "SIGINT" : number == SIGHUP ? "SIGHUP" : "SIGTERM";
}

/* One request often arrives as several signals: schedulers signal a whole process group, and scripts in it forward them. Only a signal that
 * comes later asks for an immediate end. That harms no file, but iterations since the last save are lost. */
static void remember_signal(int number) {
    static const char said[] = "stopped at once by a second signal; iterations since the last save are lost\n";
    struct timespec now;
    long long before = 0;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const long long at = 1 + (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    if (atomic_compare_exchange_strong(&caught_at, &before, at)) caught_signal = number;
    else if (at - before > SAME_WISH * 1000) {
        (void)!write(STDERR_FILENO, said, sizeof said - 1);
        _exit(EXIT_NOT_SAVED);
    }
}

static void catch_signals(void) {
    struct sigaction action = {.sa_handler = remember_signal, .sa_flags = SA_RESTART}, before;
    sigemptyset(&action.sa_mask);
    caught_signal = 0;
    atomic_store(&caught_at, 0);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (sigaction(SIGHUP, &action, &before) == 0 && before.sa_handler == SIG_IGN) sigaction(SIGHUP, &before, NULL); /* nohup */
    signal(SIGPIPE, SIG_IGN); /* a run does not end when its progress is no longer read */
}

/* ---- data ---- */

typedef struct TrainingData {
    Dataset *training, *validation; /* validation NULL: none */
    Loader *loader;
} TrainingData;

static void close_training_data(TrainingData *data) {
    loader_stop(data->loader);
    if (data->training != NULL) dataset_close(data->training);
    if (data->validation != NULL) dataset_close(data->validation);
}

/* Data sets are told apart by the lengths of videos. Names may change when a folder moves. */
static void fingerprint(const Dataset *data, char *text, size_t size) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (int64_t i = 0; i < data->count; i++) hash = (hash ^ (uint64_t)data->videos[i].frames) * UINT64_C(0x100000001b3);
    snprintf(text, size, "%" PRId64 " %s, %" PRId64 " frames, %016" PRIx64, data->count, plural(data->count, "video", "videos"),
             data->frames, hash);
}

static bool check_fingerprint(Run *run, const Dataset *data, Error *error) {
    char now[sizeof run->progress.data];
    fingerprint(data, now, sizeof now);
    if (run->options->resume && run->options->data.count == 0 && strcmp(now, run->progress.data) != 0)
        return fail(error, "%s: the run was trained on %s; give the same --data to continue it", run->folder, run->progress.data);
    if (run->options->resume && strcmp(now, run->progress.data) != 0)
        print_escaped(
            stderr,
            "warning: %s: the run was trained on %s, and now is on %s; give the same --data to get the numbers of an uninterrupted run",
            run->folder, run->progress.data, now);
    memcpy(run->progress.data, now, sizeof now);
    return true;
}

/* The best weights have the highest PSNR on these videos. PSNR on others is not comparable. */
static void check_validation(Run *run, const Dataset *data) {
    char now[sizeof run->progress.validation] = "none";
    if (data != NULL) fingerprint(data, now, sizeof now);
    if (run->options->resume && run->progress.validation[0] != 0 && strcmp(now, run->progress.validation) != 0)
        print_escaped(
            stderr,
            "warning: %s: the run was validated on %s, and now is on %s; the best PSNR so far is kept; give the same --validation "
            "to compare with it",
            run->folder, run->progress.validation, now);
    memcpy(run->progress.validation, now, sizeof now);
}

static void describe_data(const char *name, const Dataset *data) {
    char text[DATASET_DESCRIPTION];
    dataset_describe(data, text, sizeof text);
    printf("%-11s %s\n", name, text);
}

/* Training videos show little about how well the model has learned. */
static void check_overlap(const Dataset *training, const Dataset *validation) {
    const DatasetOverlap overlap = dataset_overlap(training, validation);
    if (overlap.both > 0)
        print_escaped(stderr,
                      "warning: %s: of the %" PRId64 " %s of --validation, %" PRId64
                      " %s in --data too (this is the first); give it %s that are not trained on",
                      overlap.first, overlap.items, overlap.noun, overlap.both, plural(overlap.both, "is", "are"), overlap.nouns);
    free(overlap.first);
}

static bool open_training_data(Run *run, TrainingData *data, Error *error) {
    const Options *options = run->options;
    Options seeded = *options; /* drawn videos depend on the run's seed, also when it is resumed */
    seeded.seed = run->state.seed;
    seeded.seed_given = true;
    *data = (TrainingData){.training = open_data(run->model, &options->data, &seeded, &caught_signal, error)};
    if (data->training == NULL) return false;
    describe_data("data", data->training);
    if (options->validation.count > 0) {
        if ((data->validation = open_data(run->model, &options->validation, options, &caught_signal, error)) == NULL) return false;
        describe_data("validation", data->validation);
        check_overlap(data->training, data->validation);
    }
    if (!check_fingerprint(run, data->training, error)) return false;
    check_validation(run, data->validation);
    const int64_t first = batches_before(run->model, run->state.updates);
    data->loader = loader_start(data->training, run->state.seed, first, run->model->batch, error);
    return data->loader != NULL;
}

static void print_memory(const Run *run, const TrainingData *data) {
    const double mebibyte = 1 << 20;
    const ModelTarget *target = run->state.target;
    size_t model = target->workspace_size + (size_t)run->state.threads * target->scratch_size;
    size_t videos = dataset_memory_bytes(data->training) + (data->validation != NULL ? dataset_memory_bytes(data->validation) : 0);
    printf("%-11s model %.1f MiB, draws and results %.1f MiB, videos %.1f MiB, batches %.1f MiB\n", "memory", (double)model / mebibyte,
           (double)model_buffer_bytes(run->model) / mebibyte, (double)videos / mebibyte,
           (double)loader_memory_bytes(data->training, run->model->batch) / mebibyte);
}

/* ---- the loop ---- */

/* Saves the weights and the state. The best weights so far come first: whenever the run ends, the state must not refer to weights
 * that are not there. */
static bool save_weights(Run *run, const Metric *metric, Error *error) {
    bool good = run_save_best(run, metric, error);
    return run_save(run, good ? error : NULL) && good;
}

/* Writes what is due after an iteration. Strips come before the state: a run that is killed in between makes both again when it is resumed.
 * If strips cannot be written, the weights are still saved. */
static bool finish_iteration(Run *run, const TrainingData *data, Metric *metric, const float *x, Error *error) {
    char name[40];
    int64_t every = run->options->checkpoint_every;
    bool strips = metric->iteration % run->model->strips_every == 0 || run->state.updates == run->iterations;
    bool save = strips || run->stopped_by != 0, good = true;
    /* Before validation overwrites it; of version 1, of the step whose loss is reported. */
    if (strips) good = showing_take(&run->showing, &run->state, x, &metric->psnr, error);
    if (strips && data->validation != NULL) good = good && validate(&run->state, data->validation, metric, error);
    good = good && metrics_append(&run->log, metric, error);
    if (strips) good = good && showing_write(&run->showing, run->folder, metric->iteration, error);
    if (save) good = save_weights(run, metric, good ? error : NULL) && good;
    if (good && every > 0 && run->state.updates % every == 0) {
        snprintf(name, sizeof name, "itr%" PRId64 ".safetensors", run->state.updates);
        good = run_save_weights(run, name, error);
    }
    if (save) good = good && run_save_plot(run, error);
    return good;
}

/* One step on one batch, which gives a reconstruction. */
static bool iterate_network(Run *run, const TrainingData *data, Metric *metric, const float **x, Error *error) {
    ModelState *state = &run->state;
    if ((*x = loader_next(data->loader, error)) == NULL) return false;
    model_train(state, *x);
    metric->loss = state->loss;
    metric->psnr = mean_psnr(*x, state->reconstruction, run->model->batch, clip_elements(run->model));
    if (isfinite(metric->loss)) return true;
    return fail(error, "the loss of iteration %" PRId64 " is %g; files that were saved before are unchanged; %s", state->updates,
                metric->loss,
                run->options->init != NULL && state->updates == 1 ? "give other weights with --init" : "lower optimizer.learning_rate");
}

static bool iterate_system(Run *run, const TrainingData *data, Metric *metric, const float **x, Error *error) {
    Iteration iteration = {.losses = metric->losses};
    metric->psnr = NAN;
    const bool good = iterate(&run->state, data->loader, &run->names, &iteration, &run->broken, error);
    *x = iteration.x;
    return good;
}

static bool train_iteration(Run *run, const TrainingData *data, Progress *progress, double *losses, Error *error) {
    ModelState *state = &run->state;
    Metric metric = {.iteration = state->updates, .losses = losses};
    const float *x;
    double begin = clock_seconds();
    if (!(run->model->language > 1 ? iterate_system : iterate_network)(run, data, &metric, &x, error)) return false;
    metric.seconds = clock_seconds() - begin;
    run->stopped_by = caught_signal; /* read once an iteration, so a signal that comes now counts after the next */
    bool good = finish_iteration(run, data, &metric, x, error);
    bool last = state->updates == run->iterations || run->stopped_by != 0;
    progress_update(progress, &metric, last || metric.iteration % run->model->strips_every == 0);
    return good;
}

/* An error ends the run. The weights are still saved, unless they are not finite. */
static void save_what_was_learned(Run *run, Error *error) {
    Error reason;
    if (run->state.updates == 0 || !isfinite(run->state.loss)) return;
    bool saved = !run->broken && (run->saved == run->state.updates || run_save(run, &reason));
    size_t length = strlen(error->text);
    char *end = error->text + length;
    if (saved)
        snprintf(end, sizeof error->text - length, "; the %" PRId64 " %s saved: continue with --resume", run->saved,
                 plural(run->saved, "iteration so far is", "iterations so far are"));
    else if (run->saved > 0 && run_is_saved(run))
        snprintf(end, sizeof error->text - length, "; only the first %" PRId64 " %s saved: continue from there with --resume", run->saved,
                 plural(run->saved, "iteration is", "iterations are"));
    else
        snprintf(end, sizeof error->text - length,
                 run->saved > 0 ? "; nothing is saved: the earlier files are gone" : "; nothing is saved yet");
}

static bool train(Run *run, const TrainingData *data, Error *error) {
    Progress progress;
    bool good = true;
    double *losses = allocate((size_t)run->names.count * sizeof *losses);
    progress_start(&progress, stdout, run->model->batch, run->state.updates, run->iterations);
    progress.names = run->log.names;
    while (good && run->state.updates < run->iterations && run->stopped_by == 0)
        good = train_iteration(run, data, &progress, losses, error);
    progress_break(&progress);
    free(losses);
    if (!good) save_what_was_learned(run, error);
    return good;
}

/* `first`: iterations before this process. */
static void print_end(const Run *run, const TrainingData *data, int64_t first) {
    const int64_t waits = loader_waits(data->loader),
                  batches = batches_before(run->model, run->state.updates) - batches_before(run->model, first);
    if (run->state.updates < run->iterations)
        print_escaped(stdout,
                      "stopped by %s after %" PRId64 " of %" PRId64 " %s; saved in %s; give the same command with --resume to continue",
                      signal_name(run->stopped_by), run->state.updates, run->iterations, plural(run->iterations, "iteration", "iterations"),
                      run->folder);
    else
        print_escaped(stdout, "done: %" PRId64 " %s; weights, strips and loss.svg are in %s", run->state.updates,
                      plural(run->state.updates, "iteration", "iterations"), run->folder);
    if (waits > 1 + batches / 10 && data->training->cached < data->training->count) /* the first batch always has to be waited for */
        printf("training waited for the videos of %" PRId64 " of %" PRId64 " batches; a larger --cache would make it faster\n", waits,
               batches);
    if (run->progress.best_psnr > -INFINITY) printf("best validation PSNR %.2f dB: best.safetensors\n", run->progress.best_psnr);
    if (run->progress.best_score < INFINITY) printf("best validation score %.5g: best.safetensors\n", run->progress.best_score);
}

/* From an open run to its end. Returns the exit status. */
static int train_on_data(Run *run, Error *error) {
    TrainingData data;
    int status = EXIT_ERROR;
    print_model(stdout, &run->state);
    if (open_training_data(run, &data, error)) {
        print_memory(run, &data);
        print_escaped(stdout, "%-11s %s, iterations %" PRId64 " to %" PRId64, "run", run->folder, run->state.updates + 1, run->iterations);
        fflush(stdout);
        int64_t first = run->state.updates;
        if (train(run, &data, error)) {
            print_end(run, &data, first);
            status = run->state.updates < run->iterations ? EXIT_SIGNAL + run->stopped_by : EXIT_DONE;
        } else if (run->stopped_by != 0 && run->saved != run->state.updates) {
            status = EXIT_NOT_SAVED;
        }
    } else if (caught_signal != 0) {
        printf("stopped by %s while videos were being read; nothing was done\n", signal_name(caught_signal));
        status = EXIT_SIGNAL + caught_signal;
    }
    close_training_data(&data);
    return status;
}

/* Nothing is left to train. Returns the exit status. */
static int complete_run(const Run *run, Error *error) {
    bool completed;
    if (!run_complete(run, &completed, error)) return EXIT_ERROR;
    print_escaped(stdout, "%s: has already done %" PRId64 " %s%s; give a larger --iterations to continue", run->folder, run->state.updates,
                  plural(run->state.updates, "iteration", "iterations"),
                  completed ? "; last.safetensors or loss.svg was older, and is now written" : "");
    return EXIT_DONE;
}

int command_train(const ModelDescription *model, const Options *options, Error *error) {
    Run run;
    int status = EXIT_ERROR;
    catch_signals();
    if (run_open(&run, model, options, error))
        status = run.state.updates < run.iterations ? train_on_data(&run, error) : complete_run(&run, error);
    run_close(&run);
    return status;
}
