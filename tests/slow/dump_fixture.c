/* dump_fixture.c: writes the parity fixture as fixture.h says, to a file. Linked with the fixture's model, whose tables it follows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "weights/safetensors.h"

#define FIXTURE "tests/fixtures/parity_small."

static TensorFile weights, batch, expected;

static void read_file(TensorFile *file, const char *path) {
    Error error;
    if (tensor_file_read(file, path, &error)) return;
    fprintf(stderr, "%s\n", error.text);
    exit(1);
}

static void write_tensor(FILE *out, const TensorFile *file, const char *prefix, const char *name) {
    char full[256];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    for (int i = 0; i < file->count; i++) {
        const FileTensor *tensor = &file->tensor[i];
        if (strcmp(tensor->name, full) != 0) continue;
        for (int64_t j = 0; j < tensor->count; j++) {
            float value = 0;
            if (tensor->type != TENSOR_F32) break;
            memcpy(&value, (const char *)tensor->bytes + (size_t)j * sizeof value, sizeof value);
            fwrite(&value, sizeof value, 1, out);
        }
        return;
    }
    fprintf(stderr, "the fixture has no tensor %s\n", full);
    exit(1);
}

static void write_tensors(FILE *out, const TensorFile *file, const char *prefix, const ModelTensor *tensor, int count) {
    for (int i = 0; i < count; i++) write_tensor(out, file, prefix, tensor[i].name);
}

int main(int count, char **arguments) {
    const ModelDescription *model = &model_description;
    FILE *out = count == 2 ? fopen(arguments[1], "wb") : NULL;
    if (!out) return 2;
    read_file(&weights, FIXTURE "weights.safetensors");
    read_file(&batch, FIXTURE "batch.safetensors");
    read_file(&expected, FIXTURE "expected.safetensors");
    write_tensors(out, &weights, "", model->parameters, model->parameter_tensors);
    write_tensors(out, &weights, "", model->statistics, model->statistic_tensors);
    write_tensor(out, &batch, "", "x");
    write_tensor(out, &batch, "", "h0");
    for (int i = 0; i < FIXTURE_STEPS; i++) {
        char name[16];
        snprintf(name, sizeof name, "loss.%d", i);
        write_tensor(out, &expected, "", name);
    }
    write_tensor(out, &expected, "", "recon");
    write_tensors(out, &expected, "grad.", model->parameters, model->parameter_tensors);
    write_tensors(out, &expected, "param.", model->parameters, model->parameter_tensors);
    write_tensors(out, &expected, "param.", model->statistics, model->statistic_tensors);
    Fixture fixture;
    FixturePart part[FIXTURE_PARTS];
    if ((size_t)ftell(out) != fixture_parts(&fixture, part) * sizeof(float)) {
        fprintf(stderr, "the fixture's tensors are not of the model's sizes\n");
        return 1;
    }
    return fclose(out) == 0 ? 0 : 1;
}
