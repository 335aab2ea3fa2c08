/* tune.c: zoetrope tune. Kernels are independent of one another. So one trial measures one candidate of each, within whole training
 * steps; of a system, also within its evaluation and its search. All trials of a round are compiled, then run in turns, so that changes of
 * the machine's load affect all of them.
 *
 *   near      candidates that differ from the cost model's choice in one value; its choices for the other algorithms
 *   nearer    candidates that differ from the best of each kernel in one value
 *   finals    the best two of each kernel and the cost model's choice, for longer; one that is faster by 2%, and in nearly all turns, wins
 *   step      all winners against the cost model's choices, in whole steps; the result is noted in the file */
#include "tune/tune.h"

#include "emit/emit.h"
#include "pipeline/pipeline.h"
#include "target/cpu.h"
#include "tune/tune_build.h"
#include "tune/tune_file.h"
#include "tune/tuning.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Round {
    const char *name;
    int candidates; /* of a kernel, besides the best so far */
    int turns;
    double seconds; /* of the runs of all programs in a turn */
    bool algorithms;
} Round;

static const Round near = {"near", 12, 2, 1.2, true}, nearer = {"nearer", 6, 2, 1.2, false}, finals = {"finals", 2, 5, 1.5, false},
                   step = {"step", 1, 6, 2, false};

static const double most_kept = 0.98; /* of the cost model's time */

typedef struct TuneRun {
    const TuneOrder *order;
    const Model *model;
    Workshop *workshop;
    bool terminal;
    int threads;
} TuneRun;

/* Shows progress: on a terminal, one line that changes; elsewhere, a line for each part of a round. */
static void show(const TuneRun *run, const Tuner *tuner, const Round *round, const char *what, int number, int all) {
    const char *where = format("%s, %s: %s", tuner->target->name, round->name, what);
    if (run->terminal) fprintf(stderr, "\r%s %d of %d\033[K", where, number, all);
    else if (number == 1) fprintf(stderr, "%s %d\n", where, all);
    fflush(stderr);
}

static void show_result(const TuneRun *run, const char *text) {
    fprintf(stderr, run->terminal ? "\r%s\033[K\n" : "%s\n", text);
}

/* ---- the programs of a round ---- */

typedef struct Trial {
    int *pick;     /* [kernel]: its candidate */
    int *calls;    /* [program] */
    int **kernel;  /* [program][call]: the kernel whose choices it belongs to; −1: none */
    double *time;  /* [turn][kernel]: seconds a step of all calls of the kernel, the median of a run */
    double *whole; /* [turn][program]: of a step */
} Trial;

typedef struct Trials {
    int count;
    Trial *trial;
} Trials;

static Trials new_trials(const Tuner *tuner, int count, const Round *round) {
    Trials trials = {.count = count, .trial = NEW_ARRAY(Trial, count)};
    for (int t = 0; t < count; t++)
        trials.trial[t] = (Trial){.pick = NEW_ARRAY(int, tuner->count),
                                  .calls = NEW_ARRAY(int, tuner->programs),
                                  .kernel = NEW_ARRAY(int *, tuner->programs),
                                  .time = NEW_ARRAY(double, round->turns * tuner->count),
                                  .whole = NEW_ARRAY(double, round->turns * tuner->programs)};
    return trials;
}

/* Removes programs that are not measured, to save compiling them. */
static void leave_out_unmeasured(TargetCode *code) {
    for (int i = 0; i < code->program_count; i++)
        if (!code->program[i]->tuned) code->program[i]->call_count = 0;
    for (int i = 0; i < code->group_count; i++) code->group[i].save_parameters.call_count = code->group[i].save_statistics.call_count = 0;
    code->normal.call_count = 0;
}

/* Notes which kernel each call of each program belongs to. */
static void note_calls(const Tuner *tuner, const TargetCode *code, Trial *trial, int *kernels) {
    int left = tuner->calls + 2 * tuner->count;
    for (int p = 0; p < tuner->programs; p++, kernels += trial->calls[p - 1]) {
        const Program *program = code->program[tuner->number[p]];
        trial->calls[p] = program->call_count;
        trial->kernel[p] = kernels;
        if ((left -= program->call_count) < 0) die("choices that make more than two kernels of one");
        for (int c = 0; c < program->call_count; c++) {
            const Kernel *kernel = program->call[c].kernel;
            kernels[c] = find_tuned(tuner, p, kernel->serves ? kernel->serves : kernel->name);
        }
    }
}

static bool build_trial(const TuneRun *run, const Tuner *tuner, Trial *trial, int number) {
    int *of_calls = NEW_ARRAY(int, tuner->calls + 2 * tuner->count);
    arena_enter();
    TargetCode *code = lower_picked(tuner, trial->pick);
    note_calls(tuner, code, trial, of_calls);
    leave_out_unmeasured(code);
    Text kernels = text_begin(), tables = text_begin();
    emit_target_file(&kernels, run->model->spec, code, NULL);
    emit_model_file(&tables, run->model, &tuner->target, 1, NULL);
    const bool good = start_build(run->workshop, number, kernels.bytes, tables.bytes);
    arena_leave();
    return good;
}

static int compare_numbers(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts them. */
static double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, compare_numbers);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

typedef struct Turn {
    int number;     /* of the trial's build */
    int turn;       /* of the round */
    double seconds; /* of each program */
} Turn;

static RunResult run_program(TuneRun *run, const Tuner *tuner, Trial *trial, int program, const Turn *turn) {
    Times times;
    const int calls = trial->calls[program], *kernel = trial->kernel[program];
    const RunResult result = run_build(run->workshop, turn->number, tuner->number[program], calls, turn->seconds, &times);
    if (result != RUN_DONE) return result;
    run->threads = times.threads;
    double *steps = NEW_ARRAY(double, times.steps);
    for (int k = 0; k < tuner->count; k++) {
        if (tuner->kernel[k].program != program) continue;
        for (int s = 0; s < times.steps; s++) steps[s] = 0;
        for (int c = 0; c < calls; c++)
            for (int s = 0; kernel[c] == k && s < times.steps; s++) steps[s] += times.kernel[c * times.steps + s];
        trial->time[turn->turn * tuner->count + k] = median(steps, times.steps);
    }
    trial->whole[turn->turn * tuner->programs + program] = median(times.step, times.steps);
    return RUN_DONE;
}

static RunResult run_trial(TuneRun *run, const Tuner *tuner, Trial *trial, const Turn *turn) {
    RunResult result = RUN_DONE;
    for (int p = 0; p < tuner->programs && result == RUN_DONE; p++) result = run_program(run, tuner, trial, p, turn);
    return result;
}

static RunResult run_round(TuneRun *run, const Tuner *tuner, const Round *round, Trials *trials) {
    for (int t = 0; t < trials->count; t++) {
        show(run, tuner, round, "compiling", t + 1, trials->count);
        if (!build_trial(run, tuner, &trials->trial[t], t)) return RUN_FAILED;
    }
    if (!finish_builds(run->workshop)) return RUN_FAILED;
    for (int turn = 0; turn < round->turns; turn++)
        for (int t = 0; t < trials->count; t++) {
            show(run, tuner, round, "measuring", turn * trials->count + t + 1, round->turns * trials->count);
            const RunResult result = run_trial(run, tuner, &trials->trial[t], &(Turn){t, turn, round->seconds / tuner->programs});
            if (result != RUN_DONE) return result;
        }
    return RUN_DONE;
}

/* ---- the rounds ---- */

static void find_best(Tuner *tuner, const Round *round, const Trials *trials) {
    for (int k = 0; k < tuner->count; k++) {
        TunedKernel *kernel = &tuner->kernel[k];
        for (int t = 0; t < trials->count; t++)
            for (int turn = 0; turn < round->turns; turn++) {
                Candidate *candidate = &kernel->candidate[trials->trial[t].pick[k]];
                candidate->time = fmin(candidate->time, trials->trial[t].time[turn * tuner->count + k]);
            }
        for (int c = 0; c < kernel->count; c++)
            if (kernel->candidate[c].time < kernel->candidate[kernel->best].time) kernel->best = c;
    }
}

/* Tries one program with the best so far, and one for each new candidate. A kernel with fewer candidates runs its best in the others. */
static RunResult explore(TuneRun *run, Tuner *tuner, const Round *round) {
    int *before = NEW_ARRAY(int, tuner->count);
    for (int k = 0; k < tuner->count; k++) before[k] = tuner->kernel[k].count;
    Trials trials = new_trials(tuner, 1 + add_candidates(tuner, round->candidates, round->algorithms), round);
    for (int t = 0; t < trials.count; t++)
        for (int k = 0; k < tuner->count; k++) {
            const bool has = t > 0 && before[k] + t - 1 < tuner->kernel[k].count;
            trials.trial[t].pick[k] = has ? before[k] + t - 1 : tuner->kernel[k].best;
        }
    const RunResult result = run_round(run, tuner, round, &trials);
    if (result == RUN_DONE) find_best(tuner, round, &trials);
    return result;
}

static int second_best(const TunedKernel *kernel) {
    int second = 0;
    double least = INFINITY;
    for (int c = 0; c < kernel->count; c++) {
        if (c == kernel->best || kernel->candidate[c].time >= least) continue;
        least = kernel->candidate[c].time;
        second = c;
    }
    return second;
}

/* Did b take less than a in at least four of five turns? `stride`: from a turn to the next. */
static bool mostly_less(const double *a, const double *b, int turns, int stride) {
    int less = 0;
    for (int turn = 0; turn < turns; turn++) less += b[turn * stride] < a[turn * stride];
    return less >= turns - turns / 5;
}

static double median_of_turns(const double *values, int turns, int stride) {
    double *copy = NEW_ARRAY(double, turns);
    for (int turn = 0; turn < turns; turn++) copy[turn] = values[turn * stride];
    return median(copy, turns);
}

/* Compares the best two with the cost model's choice by new measurements alone, because the best of many was also lucky. */
static RunResult decide(TuneRun *run, Tuner *tuner) {
    Trials trials = new_trials(tuner, 3, &finals);
    for (int k = 0; k < tuner->count; k++) {
        trials.trial[1].pick[k] = tuner->kernel[k].best;
        trials.trial[2].pick[k] = second_best(&tuner->kernel[k]);
    }
    const RunResult result = run_round(run, tuner, &finals, &trials);
    for (int k = 0; k < tuner->count && result == RUN_DONE; k++) {
        TunedKernel *kernel = &tuner->kernel[k];
        const double *model = trials.trial[0].time + k;
        kernel->best = 0;
        kernel->time = kernel->model_time = median_of_turns(model, finals.turns, tuner->count);
        for (int t = 1; t < 3; t++) {
            const double *other = trials.trial[t].time + k, time = median_of_turns(other, finals.turns, tuner->count);
            if (trials.trial[t].pick[k] == 0 || time > most_kept * kernel->model_time || time >= kernel->time) continue;
            if (!mostly_less(model, other, finals.turns, tuner->count)) continue;
            kernel->best = trials.trial[t].pick[k];
            kernel->time = time;
        }
    }
    return result;
}

static RunResult compare_steps(TuneRun *run, Tuner *tuner, TunedTarget *result) {
    Trials trials = new_trials(tuner, 2, &step);
    for (int k = 0; k < tuner->count; k++) trials.trial[1].pick[k] = tuner->kernel[k].best;
    const RunResult status = run_round(run, tuner, &step, &trials);
    if (status != RUN_DONE) return status;
    *result = (TunedTarget){.tuner = tuner, .threads = run->threads, .program = NEW_ARRAY(TunedProgram, tuner->programs)};
    for (int p = 0; p < tuner->programs; p++) {
        const double *model = trials.trial[0].whole + p, *own = trials.trial[1].whole + p;
        result->program[p] = (TunedProgram){.better = mostly_less(model, own, step.turns, tuner->programs),
                                            .before = median_of_turns(model, step.turns, tuner->programs),
                                            .after = median_of_turns(own, step.turns, tuner->programs)};
    }
    return RUN_DONE;
}

static void show_steps(const TuneRun *run, const TunedTarget *result) {
    const Tuner *tuner = result->tuner;
    for (int p = 0; p < tuner->programs; p++)
        show_result(run, format("%s: %s takes %.4g ms, and %.4g by the cost model's choices", tuner->target->name,
                                tuner->programs > 1 ? tuner->program[p] : "a step", 1e3 * result->program[p].after,
                                1e3 * result->program[p].before));
}

static RunResult tune_target(TuneRun *run, const Target *target, TunedTarget *result) {
    Tuner *tuner = new_tuner(run->model, target, *run->order->choices);
    tuner->blas = has_blas(run->workshop);
    RunResult status = explore(run, tuner, &near);
    if (status == RUN_DONE) status = explore(run, tuner, &nearer);
    if (status == RUN_DONE) status = decide(run, tuner);
    if (status == RUN_DONE) status = compare_steps(run, tuner, result);
    if (status == RUN_DONE) show_steps(run, result);
    return status;
}

/* Runs a program without kernels, to see whether the target works here. */
static RunResult probe_target(const TuneRun *run, const Target *target) {
    Times times;
    Text kernels = text_begin(), tables = text_begin();
    arena_enter();
    TargetCode *code = compile_graphs(&run->model->graphs, target, run->order->choices);
    for (int i = 0; i < code->program_count; i++) code->program[i]->call_count = 0;
    code->renew.call_count = 0;
    for (int i = 0; i < code->group_count; i++) code->group[i].load_parameters.call_count = code->group[i].load_statistics.call_count = 0;
    leave_out_unmeasured(code);
    emit_target_file(&kernels, run->model->spec, code, NULL);
    emit_model_file(&tables, run->model, &target, 1, NULL);
    arena_leave();
    if (!start_build(run->workshop, 0, kernels.bytes, tables.bytes) || !finish_builds(run->workshop)) return RUN_FAILED;
    return run_build(run->workshop, 0, 0, 0, 0, &times);
}

/* ---- the command ---- */

/* An existing file is replaced, so it must not hold targets that are not measured now. */
static bool keeps_all(const char *path, const TuneOrder *order, const Spec *spec) {
    struct stat there;
    if (stat(path, &there) != 0) return true;
    const Tuning *tuning = read_tuning(path, spec, stderr);
    if (!tuning) {
        fprintf(stderr, "zoetrope: %s exists and is not a tuning file for %s; give another -o\n", printable(path), spec->name);
        return false;
    }
    for (int i = 0; i < tuning->count; i++) {
        bool measured = false;
        for (int t = 0; t < order->target_count; t++) measured = measured || order->target[t] == tuning->target[i].target;
        if (measured) continue;
        fprintf(stderr, "zoetrope: %s also holds %s, and would lose it; name all its targets in --targets, or give another -o\n",
                printable(path), tuning->target[i].target->name);
        return false;
    }
    return true;
}

bool tune_model(const TuneOrder *order, const Model *model) {
    const char *path = order->path ? order->path : format("specs/tuning/%s.%s.yaml", model->spec->name, cpu_name());
    if (!keeps_all(path, order, model->spec) || !can_write_tuning(path)) return false;
    TuneRun run = {.order = order, .model = model, .workshop = open_workshop(), .terminal = isatty(STDERR_FILENO) == 1};
    if (!run.workshop) return false;
    const Target *list[MAX_TARGETS];
    TunedTarget results[MAX_TARGETS];
    int count = 0;
    bool good = true;
    for (int t = 0; t < order->target_count && good; t++) {
        const RunResult status = probe_target(&run, order->target[t]);
        if (status == RUN_LACKING && order->targets_given)
            fprintf(stderr, "zoetrope: this CPU or the C compiler does not support %s\n", order->target[t]->name);
        good = status == RUN_DONE || (status == RUN_LACKING && !order->targets_given);
        if (status == RUN_DONE) list[count++] = order->target[t];
    }
    for (int t = 0; t < count && good; t++) good = tune_target(&run, list[t], &results[t]) == RUN_DONE;
    const char *compiler = compiler_version(run.workshop);
    const bool interrupted = was_interrupted();
    close_workshop(run.workshop);
    if (interrupted) show_result(&run, "zoetrope: interrupted; nothing is written");
    if (!good || interrupted) return false;
    if (!write_tuning(path, model->spec, compiler, results, count)) return false;
    printf("%s\n", printable(path));
    return true;
}
