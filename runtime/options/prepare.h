/* prepare.h: prepares what commands need from their options: threads, a seed, weights, data. */
#ifndef ZOETROPE_PREPARE_H
#define ZOETROPE_PREPARE_H

#include "data/dataset.h"
#include "model/checkpoint.h"
#include "options/options.h"

/* --threads, else as many as processors, quotas and the environment allow: see threads.h. */
int option_threads(const Options *options);
/* --seed, else the spec's. */
uint64_t option_seed(const ModelDescription *model, const Options *options);

/* Loads the weights of a file into an open model, without training. Other tensors in the file are counted on standard error. */
bool load_weights(ModelState *state, const char *path, Error *error);

/* Opens the videos of --data or --validation, with a line of progress on a terminal. `stop`: see DatasetOptions. */
Dataset *open_data(const ModelDescription *model, const PathList *paths, const Options *options, const volatile sig_atomic_t *stop,
                   Error *error);

/* Opens the videos of --data to read them frame by frame: they may be shorter than a clip. */
Dataset *open_frames(const ModelDescription *model, const Options *options, Error *error);

/* "model name (spec …), target …, n threads, seed …" */
void print_model(FILE *out, const ModelState *state);

#endif
