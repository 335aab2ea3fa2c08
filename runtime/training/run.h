/* run.h: a training run and the folder that it lives in. */
#ifndef ZOETROPE_RUN_H
#define ZOETROPE_RUN_H

#include "data/loader.h"
#include "options/prepare.h"
#include "training/metrics.h"

enum { RUN_STRIPS = 3 /* clips of a batch that strips are made of; fewer where the batch is smaller */ };

typedef struct Run {
    const ModelDescription *model;
    const Options *options;
    char *folder;
    size_t folder_found; /* bytes of its path that were there before; SIZE_MAX: it is not made yet */
    ModelState state;
    float *reconstruction; /* [RUN_STRIPS or fewer, T, C, H, W] */
    CarriedTensors carried;
    RunProgress progress;
    MetricsLog log;
    int64_t iterations; /* the run ends there */
    int64_t saved;      /* updates that last.state.safetensors has */
    int stopped_by;     /* the signal that ends it, or 0 */
} Run;

/* Finds the folder and looks whether it may be written: a run that is there already is never touched without --resume. Then opens the
 * model and gives it weights: the run's own, those of --init, or new ones; then metrics.jsonl. */
bool run_open(Run *run, const ModelDescription *model, const Options *options, Error *error);
void run_close(Run *run);

/* last.state.safetensors, then last.safetensors. */
bool run_save(Run *run, Error *error);
/* Is there a state to go on from? The folder may have been removed meanwhile. */
bool run_is_saved(const Run *run);
/* Of a run that has done all its iterations: writes last.safetensors and loss.svg where they are not those of its training state, as when
 * the disk was full after that. *completed: something was written. */
bool run_complete(const Run *run, bool *completed, Error *error);
/* The weights alone, as best.safetensors. */
bool run_save_best(const Run *run, Error *error);
/* The weights alone, under a name of their own. */
bool run_save_weights(const Run *run, const char *name, Error *error);
/* Keeps what the last step made of the first clips of its batch, for strips. */
void run_keep_reconstruction(Run *run);
/* Strips of these clips, x, and of what was kept: real_itr<N>_no<K>.png, recon_itr<N>_no<K>.png. */
bool run_save_strips(const Run *run, int64_t iteration, const float *x, Error *error);
/* loss.svg */
bool run_save_plot(const Run *run, Error *error);

#endif
