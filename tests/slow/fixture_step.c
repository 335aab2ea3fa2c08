/* fixture_step.c: ten steps of a generated model on the parity fixture. It needs only the C library, so it runs with every compiler, and on
 * machines without the trainer's libraries.
 *     fixture_step FIXTURE TARGET…     without a target: all that this CPU supports */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

/* The tolerances of make parity. A tensor that is zero is compared by the size of others. */
static bool close_in_norm(const char *what, const float *ours, const float *theirs, size_t count, double limit, double least) {
    double difference = 0, norm = least;
    for (size_t i = 0; i < count; i++) {
        double error = (double)ours[i] - (double)theirs[i];
        difference += error * error;
        norm += (double)theirs[i] * (double)theirs[i];
    }
    if (sqrt(difference) <= limit * sqrt(norm)) return true;
    printf("%s: the relative distance is %.3g; at most %.3g is allowed\n", what, sqrt(difference / norm), limit);
    return false;
}

static bool close_everywhere(const char *what, const float *ours, const float *theirs, size_t count, double limit) {
    double largest = 0;
    for (size_t i = 0; i < count; i++) {
        double error = fabs((double)ours[i] - (double)theirs[i]);
        if (!(error <= largest)) largest = error;
    }
    if (largest <= limit) return true;
    printf("%s: the largest difference is %.3g; at most %.3g is allowed\n", what, largest, limit);
    return false;
}

static void *zeros(size_t bytes) {
    size_t whole = (bytes + 63) / 64 * 64 + 64;
    void *block = aligned_alloc(64, whole);
    if (!block) exit(3);
    memset(block, 0, whole);
    return block;
}

static bool compare_gradients(const ModelTarget *target, const Fixture *fixture, const void *workspace) {
    const ModelDescription *model = &model_description;
    float *gradients = zeros((size_t)model->parameter_count * sizeof(float));
    target->save(workspace, MODEL_GRADIENTS, gradients);
    bool good = true;
    for (int i = 0; i < model->parameter_tensors; i++) {
        const ModelTensor *tensor = &model->parameters[i];
        good &= close_in_norm(tensor->name, gradients + tensor->offset, fixture->gradients + tensor->offset, (size_t)tensor->count, 1e-4,
                              1e-12);
    }
    free(gradients);
    return good;
}

static void set_coefficients(float *coefficients, int number) {
    const ModelGroup *group = &model_description.groups[0];
    coefficients[0] = (float)(group->learning_rate / (1 - pow(group->beta1, number)));
    coefficients[1] = (float)sqrt(1 - pow(group->beta2, number));
    coefficients[2] = (float)group->learning_rate;
}

static bool run_target(const ModelTarget *target, const Fixture *fixture, size_t frames) {
    enum { THREADS = 2 };
    const ModelDescription *model = &model_description;
    float *reconstruction = zeros(frames * sizeof(float)), *after = zeros((size_t)model->parameter_count * sizeof(float));
    double loss = 0;
    bool good = true;
    const float *const input[] = {fixture->x, fixture->h0};
    float *const output[] = {reconstruction};
    float coefficients[MODEL_COEFFICIENTS] = {0};
    ModelStep step = {.input = input,
                      .output = output,
                      .loss = &loss,
                      .coefficients = coefficients,
                      .workspace = zeros(target->workspace_size),
                      .scratch = zeros(THREADS * target->scratch_size),
                      .threads = THREADS};
    target->load(step.workspace, MODEL_PARAMETERS, fixture->parameters);
    target->load(step.workspace, MODEL_STATISTICS, fixture->statistics);
    for (int i = 0; i < FIXTURE_STEPS; i++) {
        set_coefficients(coefficients, i + 1);
        target->program[model->steps[0].program].run(&step);
        float single = (float)loss;
        good &= close_in_norm("loss", &single, &fixture->losses[i], 1, i == 0 ? 1e-5 : 1e-4, 0);
        if (i > 0) continue;
        good &= close_everywhere("reconstruction", reconstruction, fixture->reconstruction, frames, 1e-5);
        good &= compare_gradients(target, fixture, step.workspace);
    }
    target->save(step.workspace, MODEL_PARAMETERS, after);
    good &= close_everywhere("parameters", after, fixture->parameters_after, (size_t)model->parameter_count, 5e-4);
    target->save(step.workspace, MODEL_STATISTICS, after);
    good &= close_everywhere("statistics", after, fixture->statistics_after, (size_t)model->statistic_count, 5e-4);
    printf("%s %s, loss after %d steps %.9g\n", target->name, good ? "agrees" : "does not agree", FIXTURE_STEPS, loss);
    free(reconstruction);
    free(after);
    free(step.workspace);
    free(step.scratch);
    return good;
}

static bool wanted(const char *name, int count, char **arguments) {
    for (int i = 2; i < count; i++)
        if (strcmp(arguments[i], name) == 0) return true;
    return count == 2;
}

int main(int count, char **arguments) {
    Fixture fixture;
    FixturePart part[FIXTURE_PARTS];
    size_t total = fixture_parts(&fixture, part), at = 0;
    float *values = zeros(total * sizeof(float));
    FILE *file = count > 1 ? fopen(arguments[1], "rb") : NULL;
    if (!file || fread(values, sizeof(float), total, file) != total) return 2;
    fclose(file);
    for (int i = 0; i < FIXTURE_PARTS; at += part[i++].count) *part[i].values = values + at;
    int ran = 0;
    bool good = true;
    for (int i = 0; i < model_description.target_count; i++) {
        const ModelTarget *target = model_description.targets[i];
        if (!wanted(target->name, count, arguments) || !target->available()) continue;
        good &= run_target(target, &fixture, part[5].count);
        ran++;
    }
    free(values);
    if (ran < (count > 2 ? count - 2 : 1)) printf("only %d targets could be run\n", ran);
    return good && ran >= (count > 2 ? count - 2 : 1) ? 0 : 1;
}
