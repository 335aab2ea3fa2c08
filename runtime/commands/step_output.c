/* step_output.c: the tensors that `step` writes. */
#include "exact.h"

#include "commands/step_output.h"

#include "common/file.h"

#include <stdlib.h>

bool allocate_floats(float **memory, size_t count, const char *what, Error *error) {
    *memory = aligned_floats(count);
    return *memory != NULL || fail_memory(error, what);
}

void step_put(StepOutput *output, char *name, TensorType type, int rank, const int64_t *shape, const void *bytes) {
    output->tensor[output->count++] = tensor_make(name, type, rank, shape, bytes);
}

void step_put_weights(StepOutput *output, char *name, const ModelTensor *tensor, const float *block) {
    step_put(output, name, TENSOR_F32, tensor->rank, tensor->shape, block + tensor->offset);
}

void step_take_state(StepOutput *output, const ModelState *state) {
    state->target->save(state->workspace, MODEL_PARAMETERS, output->parameters);
    if (state->model->statistic_count > 0) state->target->save(state->workspace, MODEL_STATISTICS, output->statistics);
}

void step_put_state(StepOutput *output, const ModelState *state) {
    for (int i = 0; i < state->model->state_names; i++) {
        const StateName *entry = &state->names[i];
        char *name = path_join("", "param.%s", entry->name);
        if (entry->kind == STATE_BATCHES_TRACKED) step_put(output, name, TENSOR_I64, 0, NULL, &state->batches_tracked[entry->index]);
        else step_put_weights(output, name, entry->tensor, entry->kind == STATE_PARAMETER ? output->parameters : output->statistics);
    }
}

void step_output_free(StepOutput *output) {
    for (int i = 0; i < output->count; i++) free((void *)(uintptr_t)output->tensor[i].name);
    free(output->tensor);
    free(output->parameters);
    free(output->statistics);
    *output = (StepOutput){.count = 0};
}
