/* profile.c: where the time of a step goes: each kernel, measured in place, beside the least time that it could take on this machine. */
#include "exact.h"

#include "commands/commands.h"
#include "commands/profile_plot.h"
#include "common/file.h"
#include "common/random.h"
#include "common/text.h"
#include "machine/clock.h"
#include "machine/peak.h"
#include "model/evaluate.h"
#include "options/prepare.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct ProfilePart { /* a program that is measured */
    int program, step;       /* the step of training that it is, or −1 */
    int first;               /* its first kernel's number among those of all parts */
} ProfilePart;

typedef struct Profile {
    ModelState state;
    ProfilePart *part; /* one after another */
    int parts, running;
    float *x; /* [B, T, C, H, W] */
    int64_t steps;
    double flops, pair_flops, bandwidth; /* the machine's peak a second; for pairs of bfloat16 if the target has them */
    double arithmetic;                   /* seconds of a step's arithmetic at the peak */
    ModelKernel *kernel;                 /* of all parts */
    int kernels;
    double *time;  /* [steps, kernels], seconds; for a scan's body, of all its calls */
    double *row;   /* of the current step */
    double *whole; /* [steps] */
    double last;   /* when the previous kernel ended */
    ProfileRow *result;
} Profile;

static void note_time(void *context, int kernel) {
    Profile *profile = context;
    double now = clock_seconds();
    profile->row[profile->part[profile->running].first + kernel] += now - profile->last;
    profile->last = now;
}

static void run_parts(Profile *profile) {
    ModelState *state = &profile->state;
    for (int i = 0; i < profile->parts; i++) {
        const ProfilePart *part = &profile->part[i];
        profile->running = i;
        if (part->step < 0) model_run(state, part->program, profile->x);
        else model_run_step(state, part->step, profile->x);
    }
    if (profile->part[0].step >= 0) model_end_iteration(state);
}

/* What a system draws stays the same. The one draw of version 1, a state, stays zero. */
static void draw_once(Profile *profile) {
    ModelState *state = &profile->state;
    if (state->model->language == 1) return;
    if (state->model->evaluate >= 0) model_draw_evaluation(state, 0, state->model->batch);
    for (int i = 0; i < state->model->step_count; i++) model_draw(state, i, 0);
    for (int i = 0; i < profile->part[0].step; i++) model_run_step(state, i, profile->x); /* it may read what they leave */
}

static void measure(Profile *profile) {
    draw_once(profile);
    run_parts(profile); /* pages in, threads started */
    profile->state.done = note_time;
    profile->state.context = profile;
    for (int64_t i = 0; i < profile->steps; i++) {
        double begin = clock_seconds();
        profile->row = profile->time + i * profile->kernels;
        profile->last = begin;
        run_parts(profile);
        profile->whole[i] = clock_seconds() - begin;
    }
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int64_t count) {
    qsort(values, (size_t)count, sizeof *values, by_value);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static int by_loss(const void *a, const void *b) {
    const ProfileRow *x = a, *y = b;
    double lost_x = x->measured - x->limit, lost_y = y->measured - y->limit;
    return (lost_x < lost_y) - (lost_x > lost_y);
}

/* The roofline: arithmetic at the peak, or traffic at the bandwidth, whichever takes longer. */
static void make_rows(Profile *profile) {
    double *column = allocate((size_t)profile->steps * sizeof *column);
    for (int k = 0; k < profile->kernels; k++) {
        const ModelKernel *kernel = &profile->kernel[k];
        for (int64_t i = 0; i < profile->steps; i++) column[i] = profile->time[i * profile->kernels + k];
        double arithmetic = kernel->flops * kernel->calls / (kernel->pairs ? profile->pair_flops : profile->flops);
        profile->arithmetic += arithmetic;
        double traffic = profile->bandwidth > 0 ? kernel->bytes * kernel->calls / profile->bandwidth : 0;
        profile->result[k] = (ProfileRow){.name = kernel->name,
                                          .measured = median(column, profile->steps),
                                          .limit = arithmetic > traffic ? arithmetic : traffic,
                                          .by_memory = traffic > arithmetic,
                                          .flops = kernel->flops * kernel->calls,
                                          .bytes = kernel->bytes * kernel->calls};
    }
    free(column);
    qsort(profile->result, (size_t)profile->kernels, sizeof *profile->result, by_loss);
}

static void print_row(const char *name, const ProfileRow *row) {
    printf("%-48s %9.3f %9.3f %-7s", name, 1e3 * row->measured, 1e3 * row->limit, row->by_memory ? "memory" : "FLOPs");
    if (row->limit > 0) printf(" %6.2f", row->measured / row->limit);
    else printf(" %6s", "");
    printf(" %9.3f %9.1f %8.1f\n", 1e3 * (row->measured - row->limit), 1e-9 * row->flops / row->measured,
           1e-9 * row->bytes / row->measured);
}

static void print_rows(const Profile *profile, const ProfileRow *total) {
    printf("%-48s %9s %9s %-7s %6s %9s %9s %8s\n", "kernel, by the time it loses", "ms", "limit", "of", "ratio", "lost", "GFLOP/s", "GB/s");
    for (int k = 0; k < profile->kernels; k++) print_row(profile->result[k].name, &profile->result[k]);
    print_row("all kernels", total);
}

/* ---- what is measured ---- */

static bool choose_parts(Profile *profile, const Options *options, Error *error) {
    const ModelDescription *model = profile->state.model;
    profile->part = allocate(((size_t)model->step_count + 2) * sizeof *profile->part);
    if (options->step >= model->step_count)
        return fail(error, "--step %" PRId64 ": %s has %d %s, counted from 0", options->step, model->name, model->step_count,
                    plural(model->step_count, "step", "steps"));
    if (options->evaluate && options->step >= 0) return fail(error, "--step and --eval exclude each other; give one of them");
    if (options->evaluate && !has_evaluation(model))
        return fail(error, "%s has neither outputs nor a score, so --eval has nothing to measure; add `outputs` to its spec", model->name);
    if (options->evaluate) profile->part[profile->parts++] = (ProfilePart){.program = model->evaluate, .step = -1};
    if (options->evaluate && model->search != NULL)
        profile->part[profile->parts++] = (ProfilePart){.program = model->search->program, .step = -1};
    for (int i = 0; !options->evaluate && i < model->step_count; i++)
        if (options->step < 0 || options->step == i)
            profile->part[profile->parts++] = (ProfilePart){.program = model->steps[i].program, .step = i};
    return true;
}

/* Where there are several parts, the names of kernels begin with theirs. */
static void list_kernels(Profile *profile) {
    for (int i = 0; i < profile->parts; i++) {
        const int program = profile->part[i].program;
        const ModelCode *code = &profile->state.target->program[program];
        const char *name = profile->state.model->programs[program].name;
        const size_t kernels = (size_t)profile->kernels + (size_t)code->kernels;
        profile->part[i].first = profile->kernels;
        profile->kernel = reallocate(profile->kernel, (kernels + 1) * sizeof *profile->kernel);
        for (int k = 0; k < code->kernels; k++) {
            ModelKernel *kernel = &profile->kernel[profile->kernels++];
            *kernel = code->kernel[k];
            kernel->name = profile->parts > 1 ? path_join("", "%s.%s", name, kernel->name) : copy_text(kernel->name);
        }
    }
}

static bool allocate_profile(Profile *profile, const Options *options, Error *error) {
    if (!choose_parts(profile, options, error)) return false;
    list_kernels(profile);
    if (profile->kernels == 0) return fail(error, "this model has no kernels to measure");
    const size_t elements = batch_elements(profile->state.model), kernels = (size_t)profile->kernels;
    profile->x = aligned_floats(elements);
    profile->time = calloc((size_t)profile->steps * kernels, sizeof *profile->time);
    profile->whole = calloc((size_t)profile->steps, sizeof *profile->whole);
    profile->result = calloc(kernels, sizeof *profile->result);
    if (!profile->x || !profile->time || !profile->whole || !profile->result) return fail_memory(error, "a profile; give fewer --steps");
    random_fill(profile->state.seed, RANDOM_SYNTHETIC, 0, profile->x, elements);
    for (size_t i = 0; i < elements; i++) profile->x[i] = 2 * profile->x[i] - 1;
    return true;
}

static bool report(Profile *profile, const char *path, Error *error) {
    ProfileRow total = {.name = "all kernels"};
    make_rows(profile);
    for (int k = 0; k < profile->kernels; k++) {
        total.measured += profile->result[k].measured;
        total.limit += profile->result[k].limit;
        total.flops += profile->result[k].flops;
        total.bytes += profile->result[k].bytes;
    }
    print_rows(profile, &total);
    double whole = median(profile->whole, profile->steps), floor = profile->arithmetic;
    printf("%s: %.3f ms (median of %" PRId64 "); its arithmetic at peak: %.3f ms; ratio %.3f\n",
           profile->parts > 1 ? "all programs, each once" : "a step", 1e3 * whole, profile->steps, 1e3 * floor, whole / floor);
    char *title = path_join("", "%s, target %s, %d thread%s", profile->state.model->name, profile->state.target->name,
                            profile->state.threads, profile->state.threads == 1 ? "" : "s");
    bool good = profile_plot_write(path, title, profile->result, profile->kernels, &total, error);
    free(title);
    if (good) print_escaped(stdout, "written to %s", path);
    return good;
}

static void profile_free(Profile *profile) {
    for (int i = 0; i < profile->kernels; i++) free((void *)(uintptr_t)profile->kernel[i].name);
    free(profile->kernel);
    free(profile->part);
    free(profile->x);
    free(profile->time);
    free(profile->whole);
    free(profile->result);
}

int command_profile(const ModelDescription *model, const Options *options, Error *error) {
    Profile profile = {.steps = options->steps > 0 ? options->steps : 20};
    if (!model_open(&profile.state, model, option_threads(options), option_seed(model, options), error)) return EXIT_ERROR;
    bool good = allocate_profile(&profile, options, error);
    if (good) {
        print_model(stdout, &profile.state);
        const bool pairs = strcmp(model->precision, "bf16") == 0;
        profile.flops = peak_flops(pairs ? "avx512" : profile.state.target->name, profile.state.threads);
        if (pairs) profile.pair_flops = peak_flops(profile.state.target->name, profile.state.threads);
        profile.bandwidth = peak_bandwidth(profile.state.threads);
        printf("this machine: %.1f GFLOP/s of multiply-adds, ", 1e-9 * profile.flops);
        if (pairs) printf("%.1f of dot products of bfloat16, ", 1e-9 * profile.pair_flops);
        printf("%.1f GB/s read from memory\n\n", 1e-9 * profile.bandwidth);
        model_initialize(&profile.state);
        measure(&profile);
        good = report(&profile, options->out != NULL ? options->out : "profile.svg", error);
    }
    profile_free(&profile);
    model_close(&profile.state);
    return good ? EXIT_DONE : EXIT_ERROR;
}
