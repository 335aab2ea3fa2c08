/* step_output.h: the tensors that `step` writes. */
#ifndef ZOETROPE_STEP_OUTPUT_H
#define ZOETROPE_STEP_OUTPUT_H

#include "model/model_state.h"
#include "weights/safetensors.h"

typedef struct StepOutput {
    float *parameters, *statistics; /* after the last update, in file order */
    int count;
    FileTensor *tensor; /* with room for all; their names are the output's own */
} StepOutput;

/* Memory for this many floats; the error says what for. */
bool allocate_floats(float **memory, size_t count, const char *what, Error *error);

/* Adds a tensor, with a name that step_output_free frees. The bytes must last until the output is written. */
void step_put(StepOutput *output, char *name, TensorType type, int rank, const int64_t *shape, const void *bytes);
/* A tensor of the model, whose values are in a block of these. */
void step_put_weights(StepOutput *output, char *name, const ModelTensor *tensor, const float *block);

/* Keeps the model's parameters and statistics. */
void step_take_state(StepOutput *output, const ModelState *state);
/* Adds them and the numbers of batches, as param.<name>. */
void step_put_state(StepOutput *output, const ModelState *state);

void step_output_free(StepOutput *output);

#endif
