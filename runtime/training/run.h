/* run.h: a training run and its folder. */
#ifndef ZOETROPE_RUN_H
#define ZOETROPE_RUN_H

#include "data/loader.h"
#include "options/prepare.h"
#include "training/metrics.h"
#include "training/showing.h"

typedef struct Run {
    const ModelDescription *model;
    const Options *options;
    char *folder;
    size_t folder_found; /* length of the part of its path that existed before; SIZE_MAX: not made yet */
    ModelState state;
    Showing showing;
    LossNames names; /* of a system */
    CarriedTensors carried;
    RunProgress progress;
    MetricsLog log;
    int64_t iterations; /* the run ends there */
    int64_t saved;      /* updates that last.state.safetensors has */
    int stopped_by;     /* the signal that ends it, or 0 */
    bool broken;        /* an iteration was done in part: the model must not be saved any more */
} Run;

/* Finds the folder and checks that it can be written; an existing run is never touched without --resume. Then opens the model with its
 * weights: the run's own, those of --init, or new ones. Then opens metrics.jsonl. */
bool run_open(Run *run, const ModelDescription *model, const Options *options, Error *error);
void run_close(Run *run);

/* last.state.safetensors, then last.safetensors. */
bool run_save(Run *run, Error *error);
/* Is there a state to continue from? The folder may have been removed meanwhile. */
bool run_is_saved(const Run *run);
/* For a run that has done all its iterations: writes last.safetensors and loss.svg if they are older than its training state, such as when
 * the disk was full after that. *completed: something was written. */
bool run_complete(const Run *run, bool *completed, Error *error);
/* Writes the weights as best.safetensors if this validation is better than all before: by PSNR, or by the score of a system without a
 * reconstruction. */
bool run_save_best(Run *run, const Metric *metric, Error *error);
/* Writes only the weights, under their own name. */
bool run_save_weights(const Run *run, const char *name, Error *error);
/* loss.svg */
bool run_save_plot(const Run *run, Error *error);

#endif
