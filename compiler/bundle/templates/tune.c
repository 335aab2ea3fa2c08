/* What zoetrope tune measures with: steps of the model that it is linked with, each kernel in its place.
 *
 *     steps SECONDS PROGRAM    after one step of the program of this number, steps for so long (at least 3, at most 200); prints, a line
 *                              each, the number of threads, what each step took, and what each kernel took in each step, in seconds.
 *                              Status 3: this CPU has not what the model needs. */
#define _POSIX_C_SOURCE 200809L
#include "model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef _OPENMP
#include <omp.h>
#endif

enum { LEAST = 3, MOST = 200, STATUS_FAILED = 1, STATUS_LACKING = 3 };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void *zeroed(size_t bytes) {
    const size_t size = (bytes + 127) / 64 * 64;
    void *memory = aligned_alloc(64, size);
    if (!memory) {
        fprintf(stderr, "no memory for %zu bytes\n", size);
        exit(STATUS_FAILED);
    }
    return memset(memory, 0, size);
}

/* In (-1, 1); any will do, but for zeros and denormals. */
static float draw(void) {
    static uint64_t state = 1;
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (float)((double)(state >> 11) / 4503599627370496.0 - 1);
}

static float *drawn(size_t count) {
    float *values = zeroed(count * sizeof *values);
    for (size_t i = 0; i < count; i++) values[i] = draw();
    return values;
}

static void load(const ModelTarget *target, void *workspace, ModelBlock block, const ModelTensor *tensor, int tensors, int64_t elements) {
    float *values = zeroed((size_t)elements * sizeof *values);
    for (int i = 0; i < tensors; i++)
        for (int64_t e = 0; e < tensor[i].count; e++)
            values[tensor[i].offset + e] = (float)(tensor[i].fill + (tensor[i].bound > 0 ? tensor[i].bound : tensor[i].deviation) * (double)draw());
    if (elements > 0) target->load(workspace, block, values);
    free(values);
}

static void set_coefficients(const ModelDescription *model, float *coefficients, int number) {
    for (int g = 0; g < model->group_count; g++, coefficients += MODEL_COEFFICIENTS) {
        const ModelGroup *group = &model->groups[g];
        coefficients[0] = coefficients[2] = (float)group->learning_rate;
        if (strcmp(group->optimizer, "adam") != 0 && strcmp(group->optimizer, "adamw") != 0) continue;
        coefficients[0] = (float)(group->learning_rate / (1 - pow(group->beta1, number)));
        coefficients[1] = (float)sqrt(1 - pow(group->beta2, number));
    }
}

static double *row, last;

static void note(void *context, int kernel) {
    const double time = now();
    (void)context;
    row[kernel] += time - last;
    last = time;
}

int main(int count, char **arguments) {
    const ModelDescription *model = &model_description;
    const ModelTarget *target = model->target_count > 0 ? model->targets[0] : NULL;
    if (!target || !target->available()) return STATUS_LACKING;
    const char *version, *chosen;
    if (target->library) target->library(&version, &chosen);
    const double seconds = count > 1 ? strtod(arguments[1], NULL) : 1;
    const int number = count > 2 ? (int)strtol(arguments[2], NULL, 10) : model->steps[0].program;
    const ModelProgram *program = &model->programs[number];
    const int kernels = target->program[number].kernels;
    ModelStep step = {.threads = 1};
#ifdef _OPENMP
    step.threads = omp_get_max_threads();
#endif
    double *loss = zeroed((size_t)(program->losses + 1) * sizeof *loss), *time = zeroed((size_t)(MOST * (kernels + 1)) * sizeof *time);
    step.workspace = zeroed(target->workspace_size);
    step.scratch = zeroed((size_t)step.threads * target->scratch_size);
    const float **input = zeroed((size_t)(program->inputs + 1) * sizeof *input);
    float **output = zeroed((size_t)(program->outputs + 1) * sizeof *output),
          *coefficients = zeroed((size_t)model->group_count * MODEL_COEFFICIENTS * sizeof *coefficients);
    for (int i = 0; i < program->inputs; i++) input[i] = drawn((size_t)program->input[i].count);
    for (int i = 0; i < program->outputs; i++) output[i] = zeroed((size_t)program->output[i].count * sizeof(float));
    step.input = input;
    step.output = output;
    step.loss = loss;
    step.coefficients = coefficients;
    load(target, step.workspace, MODEL_PARAMETERS, model->parameters, model->parameter_tensors, model->parameter_count);
    load(target, step.workspace, MODEL_STATISTICS, model->statistics, model->statistic_tensors, model->statistic_count);
    set_coefficients(model, coefficients, 1);
    if (kernels == 0) {
        printf("%d\n0\n", step.threads);
        return 0;
    }
    target->program[number].run(&step);
    step.done = note;
    int steps = 0;
    double *whole = time + (size_t)MOST * (size_t)kernels;
    for (const double begin = now(); steps < LEAST || (steps < MOST && now() - begin < seconds); steps++) {
        row = time + (size_t)steps * (size_t)kernels;
        set_coefficients(model, coefficients, steps + 2);
        whole[steps] = last = now();
        target->program[number].run(&step);
        whole[steps] = now() - whole[steps];
    }
    printf("%d\n", step.threads);
    for (int i = 0; i < steps; i++) printf("%.9g%c", whole[i], i + 1 < steps ? ' ' : '\n');
    for (int k = 0; k < kernels; k++)
        for (int i = 0; i < steps; i++)
            printf("%.9g%c", time[(size_t)i * (size_t)kernels + (size_t)k], i + 1 < steps ? ' ' : '\n');
    if (!isfinite(loss[0])) {
        fprintf(stderr, "the loss is not finite\n");
        return STATUS_FAILED;
    }
    return 0;
}
