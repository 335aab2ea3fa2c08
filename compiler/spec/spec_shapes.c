/* spec_shapes.c: the shapes from input to output: none may vanish, none may be too large, and the last is the input's again. */
#include "spec/spec_internal.h"

#include <limits.h>
#include <string.h>

/* conv:            out = ⌊(in + 2·padding − kernel) / stride⌋ + 1
 * conv_transpose:  out = (in − 1)·stride − 2·padding + kernel + output_padding */
bool layer_output_shape(const Layer *layer, const int in[3], long out[3]) {
    out[0] = layer->channels;
    for (int axis = 0; axis < 2; axis++) {
        long size = in[1 + axis], kernel = layer->kernel[axis], stride = layer->stride[axis], padding = layer->padding[axis];
        if (layer->transposed) out[1 + axis] = (size - 1) * stride - 2 * padding + kernel + layer->output_padding[axis];
        else out[1 + axis] = floor_divide(size + 2 * padding - kernel, stride) + 1;
    }
    return out[0] > 0 && out[1] > 0 && out[2] > 0;
}

bool advance_shape(const Layer *layer, int shape[3], long out[3]) {
    if (!layer_output_shape(layer, shape, out)) return false;
    for (int i = 0; i < 3; i++)
        if (out[i] > INT_MAX) return false;
    for (int i = 0; i < 3; i++) shape[i] = (int)out[i];
    return true;
}

typedef struct Walk {
    SpecErrors *errors;
    Spec *spec;
    int shape[3];
    Text chain;   /* the shapes so far, a line each */
    double bytes; /* of everything so far: activations and parameters, in float */
    bool failed;  /* reported; sizes that follow mean nothing */
} Walk;

static void note_shape(Walk *walk, Mark mark, const char *name) {
    text_add(&walk->chain, "line %4d   %-32s %d × %d × %d\n", mark.line, name, walk->shape[0], walk->shape[1], walk->shape[2]);
}

static const char *layer_name(bool decoder, int index, const Layer *layer) {
    return format("%s[%d] %s", decoder ? "decoder" : "encoder", index, layer->transposed ? "conv_transpose" : "conv");
}

/* Adds a tensor to the total. Sizes are doubles: a product of five ints fits, and what is exact is small. */
static void count_tensor(Walk *walk, Mark mark, const char *what, double elements, const char *remedy) {
    if (walk->failed) return;
    walk->bytes += 4 * elements;
    if (elements > SPEC_TENSOR_ELEMENTS) {
        walk->failed = true;
        spec_error(walk->errors, mark, 1, remedy, "%s has %.10g elements; 2147483647 (2^31 - 1) is the limit", what, elements);
    } else if (walk->bytes > SPEC_TOTAL_BYTES) {
        walk->failed = true;
        spec_error(walk->errors, mark, 1, remedy, "with %s, activations and parameters need more than 2^40 bytes", what);
    }
}

static double clip_frames(const Spec *spec) {
    return (double)spec->training.batch * spec->T;
}
static double product(const int shape[3]) {
    return (double)shape[0] * shape[1] * shape[2];
}

static const char *frames_text(const Walk *walk) {
    return format("batch %d · T %d · %d × %d × %d", walk->spec->training.batch, walk->spec->T, walk->shape[0], walk->shape[1],
                  walk->shape[2]);
}

static void check_layer(Walk *walk, const char *name, const Layer *layer) {
    static const char *const smaller = "make batch, T, channels or the image smaller";
    int in[3] = {walk->shape[0], walk->shape[1], walk->shape[2]};
    long out[3];
    if (!advance_shape(layer, walk->shape, out)) {
        bool vanished = out[1] <= 0 || out[2] <= 0;
        const char *remedy = vanished ? vanish_remedy(layer, in) : smaller;
        spec_error(walk->errors, layer->mark, layer->transposed ? 14 : 4, format("%s%s", walk->chain.bytes, remedy),
                   vanished ? "the image vanishes in %s: %d × %d becomes %ld × %ld"
                            : "the image is too large after %s: %d × %d becomes %ld × %ld; 2147483647 is the limit",
                   name, in[1], in[2], out[1], out[2]);
        walk->failed = true;
        return;
    }
    note_shape(walk, layer->mark, name);
    double values = clip_frames(walk->spec) * walk->shape[1] * walk->shape[2];
    if (layer->norm == NORM_BATCH && values <= 1) {
        spec_error(walk->errors, layer->mark, layer->transposed ? 14 : 4, "write `norm: none` here, or make batch or T larger",
                   "batch norm of one value for each channel (batch 1 · T 1 · 1 × 1): it has no variance");
    }
    count_tensor(walk, layer->mark, format("the output of %s (%s)", name, frames_text(walk)), values * walk->shape[0], smaller);
    count_tensor(walk, layer->mark, format("the weight of %s", name), (double)in[0] * layer->channels * layer->kernel[0] * layer->kernel[1],
                 "use fewer channels");
}

/* Returns whether the shape after all layers is known. */
static bool check_layers(Walk *walk, bool decoder) {
    const Layer *layers = decoder ? walk->spec->decoder : walk->spec->encoder;
    int count = decoder ? walk->spec->decoder_count : walk->spec->encoder_count;
    for (int i = 0; i < count; i++) {
        if (!layers[i].channels) return false;
        check_layer(walk, layer_name(decoder, i, &layers[i]), &layers[i]);
        if (walk->failed) return false;
    }
    return count > 0;
}

/* The linear layers and the GRU between encoder and decoder; the image's shape is the same after them. */
static void check_latent(Walk *walk) {
    const Spec *spec = walk->spec;
    if (!spec->latent) return;
    double features = product(walk->shape), frames = clip_frames(spec), hidden = spec->hidden;
    Mark mark = spec->hidden ? spec->gru_mark : spec->latent_mark;
    text_add(&walk->chain, "line %4d   %-32s %d\n", spec->latent_mark.line, "latent", spec->latent);
    if (spec->hidden) text_add(&walk->chain, "line %4d   %-32s %d\n", spec->gru_mark.line, "gru hidden", spec->hidden);
    note_shape(walk, mark, "back to the encoder's shape");
    count_tensor(walk, spec->latent_mark, format("the weight of the linear layer (%.10g × latent %d)", features, spec->latent),
                 features * spec->latent, "make `latent` smaller, or let the encoder's last layer give fewer values");
    count_tensor(walk, spec->latent_mark, "the latent of all frames", frames * spec->latent, "make `latent`, batch or T smaller");
    if (spec->hidden) {
        count_tensor(walk, mark, "the gates of the GRU for all frames", frames * 3 * hidden, "make `hidden`, batch or T smaller");
        count_tensor(walk, mark, "a weight of the GRU",
                     3 * hidden * (spec->gru_layers > 1 && hidden > spec->latent ? hidden : spec->latent),
                     "make `hidden` or `latent` smaller");
        count_tensor(walk, mark, "a weight of the GRU", 3 * hidden * hidden, "make `hidden` smaller");
        if (!walk->failed) walk->bytes += (spec->gru_layers - 1) * (frames * 3 * hidden + 6 * hidden * hidden) * 4;
    }
    double source = spec->hidden ? hidden : spec->latent;
    count_tensor(walk, mark, format("the weight of the linear layer (%.10g × %.10g) back to the encoder's shape", source, features),
                 features * source, "make it smaller, or let the encoder's last layer give fewer values");
}

static void check_end(Walk *walk) {
    const Spec *spec = walk->spec;
    int input[3] = {spec->channels, spec->height, spec->width};
    if (!memcmp(input, walk->shape, sizeof input)) return;
    const Layer *last = &spec->decoder[spec->decoder_count - 1];
    spec_error(walk->errors, last->mark, last->transposed ? 14 : 4,
               format("%s%s", walk->chain.bytes, shape_remedy(walk->spec, walk->shape)),
               "the decoder ends in %d × %d × %d, but the input is %d × %d × %d", walk->shape[0], walk->shape[1], walk->shape[2], input[0],
               input[1], input[2]);
}

void check_shapes(SpecErrors *errors, Spec *spec) {
    Walk walk = {.errors = errors, .spec = spec, .shape = {spec->channels, spec->height, spec->width}};
    if (!spec->channels) return;
    note_shape(&walk, spec->input_mark, "input (channels, height, width)");
    count_tensor(&walk, spec->input_mark, format("the input (%s)", frames_text(&walk)), clip_frames(spec) * product(walk.shape),
                 "make batch, T or the image smaller");
    if (walk.failed || !check_layers(&walk, false)) return;
    check_latent(&walk);
    if (!walk.failed && check_layers(&walk, true)) check_end(&walk);
}
