/* step_batch.h: the file of a batch that `step` reads, and of a system, what it draws where the file says nothing. */
#ifndef ZOETROPE_STEP_BATCH_H
#define ZOETROPE_STEP_BATCH_H

#include "model/model_state.h"
#include "weights/safetensors.h"

/* Reads a tensor, which must have this shape. */
bool read_shaped(const TensorFile *file, const char *name, int rank, const int64_t *shape, float *values, Error *error);
/* Reads a batch of clips, [B, T, C, H, W], into memory that the caller frees, also after an error. */
bool read_clips(float **values, const ModelDescription *model, const TensorFile *file, const char *name, Error *error);

typedef struct StepDraw { /* one draw of a step that has draws of its own */
    const ModelArgument *argument;
    int step;
    char *key;     /* in files: noise.eps.0 */
    float *given;  /* from the file, as the model has it; NULL: it is drawn from the seed */
    float *drawn;  /* then that of the first iteration's first round, as files have it */
    bool recorded; /* there is such a one */
} StepDraw;

typedef struct StepBatch {
    float *x;     /* [B, T, C, H, W] */
    float **next; /* by step, as x: from this step on; NULL: the file has none */
    int steps, draws;
    StepDraw *draw;
} StepBatch;

/* Reads a file with x, and perhaps batches and draws of single steps. A tensor that no step and no evaluation could read is an error. */
bool step_batch_read(StepBatch *batch, const ModelState *state, const char *path, Error *error);
void step_batch_free(StepBatch *batch);

/* Fills the model's buffers with what a step draws: from the file, or from the seed. Nothing for a step that keeps another one's. */
void step_batch_draw(StepBatch *batch, ModelState *state, int step, int64_t round);
/* The same for evaluation, which reads what is given for step 0. */
void step_batch_draw_evaluation(StepBatch *batch, ModelState *state);

/* The values of a buffer as files have them. */
void to_file_order(const ModelArgument *argument, const float *values, float *file);

#endif
