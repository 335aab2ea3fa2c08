/* spec_mend.c: looks for the change that mends a spec whose shapes do not fit, by trying: one key at a time, the likeliest first. */
#include "spec/spec_internal.h"

#include <stdlib.h>
#include <string.h>

typedef enum { MEND_OUTPUT_PADDING, MEND_PADDING, MEND_STRIDE_AND_OUTPUT_PADDING, MEND_STRIDE, MEND_KERNEL, MENDS } Mend;

static const struct {
    const char *name;
    int minimum, maximum;
} mends[MENDS] = {
    [MEND_OUTPUT_PADDING] = {"output_padding", 0, 3},
    [MEND_PADDING] = {"padding", 0, 6},
    [MEND_STRIDE_AND_OUTPUT_PADDING] = {"stride", 4, 19}, /* 4 · stride + output padding */
    [MEND_STRIDE] = {"stride", 1, 4},
    [MEND_KERNEL] = {"kernel", 1, 7},
};

/* Height or width after the whole network, or 0 where something vanishes. */
static long end_size(const Spec *spec, int axis, int size) {
    int shape[3] = {1, size, size};
    long out[3];
    for (int i = 0; i < spec->encoder_count + spec->decoder_count; i++) {
        Layer layer = i < spec->encoder_count ? spec->encoder[i] : spec->decoder[i - spec->encoder_count];
        int other = 1 - axis; /* the other axis must not be what vanishes */
        layer.kernel[other] = layer.kernel[axis];
        layer.stride[other] = layer.stride[axis];
        layer.padding[other] = layer.padding[axis];
        layer.output_padding[other] = layer.output_padding[axis];
        if (!advance_shape(&layer, shape, out)) return 0;
    }
    return shape[1];
}

static int get(const Layer *layer, Mend mend, int axis) {
    switch (mend) {
    case MEND_OUTPUT_PADDING:
        return layer->output_padding[axis];
    case MEND_PADDING:
        return layer->padding[axis];
    case MEND_STRIDE_AND_OUTPUT_PADDING:
        return 4 * layer->stride[axis] + layer->output_padding[axis];
    case MEND_STRIDE:
        return layer->stride[axis];
    case MEND_KERNEL:
        return layer->kernel[axis];
    case MENDS:
        break;
    }
    die("no such mend: %d", (int)mend);
}

/* Returns whether the value is legal in this layer. */
static bool set(Layer *layer, Mend mend, int axis, int value) {
    if (mend == MEND_OUTPUT_PADDING) layer->output_padding[axis] = value;
    if (mend == MEND_PADDING) layer->padding[axis] = value;
    if (mend == MEND_STRIDE) layer->stride[axis] = value;
    if (mend == MEND_KERNEL) layer->kernel[axis] = value;
    if (mend == MEND_STRIDE_AND_OUTPUT_PADDING) {
        layer->stride[axis] = value / 4;
        layer->output_padding[axis] = value % 4;
    }
    if (mend == MEND_PADDING && value >= layer->kernel[axis]) return false; /* legal, but never meant */
    return layer->output_padding[axis] == 0 || (layer->transposed && layer->output_padding[axis] < layer->stride[axis]);
}

/* The legal values of a key, for one axis, that bring the network's end to the input's size: a set of bits. */
static unsigned mending_values(const Spec *spec, Layer *layer, Mend mend, int axis) {
    unsigned values = 0;
    int size = axis == 0 ? spec->height : spec->width;
    Layer before = *layer;
    for (int value = mends[mend].minimum; value <= mends[mend].maximum; value++) {
        if (set(layer, mend, axis, value) && end_size(spec, axis, size) == size) values |= 1u << value;
        *layer = before;
    }
    return values;
}

/* The value in the set that is nearest to `current`. */
static int nearest_value(unsigned values, int current) {
    for (int distance = 0; distance < 32; distance++) {
        if (current - distance >= 0 && (values >> (current - distance) & 1)) return current - distance;
        if (current + distance < 32 && (values >> (current + distance) & 1)) return current + distance;
    }
    die("an empty set has no nearest value");
}

static const char *pair_text(const char *name, int vertical, int horizontal) {
    return vertical == horizontal ? format("`%s: %d`", name, vertical) : format("`%s: [%d, %d]`", name, vertical, horizontal);
}

static const char *layer_place(const Layer *layer) {
    return format("in line %d's %s", layer->mark.line, layer->transposed ? "conv_transpose" : "conv");
}

/* The change of one key of this layer that mends both axes, or NULL; *distance: how far the values are from what stands there. */
static const char *mend_layer(const Spec *spec, Layer *layer, Mend mend, int *distance) {
    unsigned vertical = mending_values(spec, layer, mend, 0);
    unsigned horizontal = vertical ? mending_values(spec, layer, mend, 1) : 0;
    if (!vertical || !horizontal) return NULL;
    unsigned both = vertical & horizontal;
    int v = nearest_value(both ? both : vertical, get(layer, mend, 0)), h = both ? v : nearest_value(horizontal, get(layer, mend, 1));
    *distance = abs(v - get(layer, mend, 0)) + abs(h - get(layer, mend, 1));
    if (mend != MEND_STRIDE_AND_OUTPUT_PADDING) return format("%s %s", pair_text(mends[mend].name, v, h), layer_place(layer));
    return format("%s and %s %s", pair_text("stride", v / 4, h / 4), pair_text("output_padding", v % 4, h % 4), layer_place(layer));
}

/* The smallest such change in any of the layers; the last layer's, where several are as small. */
static const char *mend_list(const Spec *spec, Layer *layers, int count, Mend mend) {
    const char *best = NULL;
    int best_distance = 0;
    for (int i = count - 1; i >= 0; i--) {
        int distance;
        const char *text = mend_layer(spec, &layers[i], mend, &distance);
        if (!text || (best && distance >= best_distance)) continue;
        best = text;
        best_distance = distance;
    }
    return best;
}

/* The first layer of the decoder that gives a size which no layer of the encoder saw (most decoders mirror their encoder), or NULL. */
static Layer *suspect_layer(const Spec *spec) {
    int sizes[SPEC_LAYERS + 1][2], count = 0, shape[3] = {spec->channels, spec->height, spec->width};
    long out[3];
    for (int i = 0; i <= spec->encoder_count; i++) {
        sizes[count][0] = shape[1];
        sizes[count++][1] = shape[2];
        if (i < spec->encoder_count && !advance_shape(&spec->encoder[i], shape, out)) return NULL;
    }
    for (int i = 0; i < spec->decoder_count; i++) {
        bool seen = false;
        if (!advance_shape(&spec->decoder[i], shape, out)) return NULL;
        for (int k = 0; k < count; k++) seen |= sizes[k][0] == shape[1] && sizes[k][1] == shape[2];
        if (!seen) return &spec->decoder[i];
    }
    return NULL;
}

/* The commonest mistake in many places at once: output_padding left out of every transposed convolution. */
static const char *mend_every_output_padding(const Spec *spec) {
    Layer *before = NEW_ARRAY(Layer, spec->decoder_count);
    memcpy(before, spec->decoder, sizeof(Layer) * (size_t)spec->decoder_count);
    const char *text = NULL;
    for (int value = 0; value < 4 && !text; value++) {
        bool legal = false;
        for (int i = 0; i < spec->decoder_count; i++) {
            Layer *layer = &spec->decoder[i];
            for (int axis = 0; axis < 2; axis++)
                if (layer->transposed && layer->stride[axis] > 1)
                    legal = true, layer->output_padding[axis] = (int)minimum(value, layer->stride[axis] - 1);
        }
        if (legal && end_size(spec, 0, spec->height) == spec->height && end_size(spec, 1, spec->width) == spec->width)
            text = format("`output_padding: %d` in each conv_transpose of the decoder that has a stride", value);
        memcpy(spec->decoder, before, sizeof(Layer) * (size_t)spec->decoder_count);
    }
    return text;
}

/* The nearest input size that the network as it is gives back, not below half of what it is; or 0. */
static int mending_size(const Spec *spec, int axis) {
    int size = axis == 0 ? spec->height : spec->width;
    for (int distance = 0; distance <= minimum(128, size / 2); distance++) {
        if (end_size(spec, axis, size - distance) == size - distance) return size - distance;
        if (end_size(spec, axis, size + distance) == size + distance) return size + distance;
    }
    return 0;
}

static const char *mend_input(const Spec *spec) {
    int height = mending_size(spec, 0), width = mending_size(spec, 1);
    if (!height || !width) return NULL;
    const char *of_height = height == spec->height ? "" : format("`height: %d`", height);
    const char *of_width = width == spec->width ? "" : format("`width: %d`", width);
    return format("%s%s%s in line %d's input", of_height, *of_height && *of_width ? " and " : "", of_width, spec->input_mark.line);
}

/* By how much the strides of a list make the image larger (>= 1) or smaller. */
static double scale_of(const Layer *layers, int count, int axis) {
    double scale = 1;
    for (int i = 0; i < count; i++) scale *= layers[i].transposed ? layers[i].stride[axis] : 1.0 / layers[i].stride[axis];
    return scale;
}

static const char *scales_text(const Spec *spec) {
    Text text = {0};
    for (int axis = 0; axis < 2; axis++)
        text_add(&text, "%s: the encoder's strides scale it by %.4g, the decoder's by %.4g\n", axis == 0 ? "height" : "width",
                 scale_of(spec->encoder, spec->encoder_count, axis), scale_of(spec->decoder, spec->decoder_count, axis));
    return text.bytes;
}

static const char *mend_image(Spec *spec) {
    static const Mend order[] = {MEND_OUTPUT_PADDING, MEND_PADDING, MEND_STRIDE, MEND_STRIDE_AND_OUTPUT_PADDING};
    enum { ORDER = sizeof order / sizeof *order };
    if (spec->encoder_count + spec->decoder_count > 64) return NULL; /* trying is quadratic in the number of layers */
    Layer *suspect = suspect_layer(spec);
    const char *text = NULL;
    for (int i = 0; i < ORDER && suspect && !text; i++) text = mend_list(spec, suspect, 1, order[i]);
    if (!text) text = mend_every_output_padding(spec);
    for (int i = 0; i < ORDER && !text; i++) text = mend_list(spec, spec->decoder, spec->decoder_count, order[i]);
    for (int i = 0; i < ORDER && !text; i++) text = mend_list(spec, spec->encoder, spec->encoder_count, order[i]);
    if (!text) text = mend_input(spec);
    return text ? text : mend_list(spec, spec->decoder, spec->decoder_count, MEND_KERNEL);
}

const char *shape_remedy(Spec *spec, const int shape[3]) {
    const Layer *last = &spec->decoder[spec->decoder_count - 1];
    bool channels = shape[0] != spec->channels, image = shape[1] != spec->height || shape[2] != spec->width;
    const char *for_channels = channels ? format("`channels: %d` %s", spec->channels, layer_place(last)) : "";
    if (!image) return format("remedy: %s", for_channels);
    const char *for_image = mend_image(spec);
    if (for_image) return format("remedy: %s%s%s", for_channels, channels ? " and " : "", for_image);
    return format("%sno change of one key mends height and width%s%s", scales_text(spec), channels ? "; the channels need " : "",
                  for_channels);
}

const char *vanish_remedy(const Layer *layer, const int in[3]) {
    const char *image = format("%d × %d", in[1], in[2]);
    int needed[2];
    for (int axis = 0; axis < 2; axis++) {
        int lack = layer->kernel[axis] - in[1 + axis];
        needed[axis] = layer->transposed ? layer->padding[axis] : (int)maximum(layer->padding[axis], (lack + 1) / 2);
    }
    if (layer->transposed) return format("remedy: a smaller `padding` %s: it cuts more off than there is", layer_place(layer));
    return format("remedy: %s %s, or a kernel that fits into %s, or fewer strides before it", pair_text("padding", needed[0], needed[1]),
                  layer_place(layer), image);
}
