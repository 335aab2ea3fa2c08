/* system_shapes.c: the shapes of networks, layer by layer, and what would mend those that do not fit. */
#include "spec/system_internal.h"

#include <limits.h>
#include <math.h>
#include <string.h>

double shape_elements(Shape shape) {
    return (double)shape.C * shape.T * shape.H * shape.W;
}

bool shapes_equal(Shape a, Shape b) {
    return a.C == b.C && a.T == b.T && a.H == b.H && a.W == b.W;
}

const char *size_text(Shape shape) {
    if (shape.T > 1) return format("%d × %d frames × %d × %d", shape.C, shape.T, shape.H, shape.W);
    if (shape.H > 1 || shape.W > 1) return format("%d × %d × %d", shape.C, shape.H, shape.W);
    return format("%d", shape.C);
}

const char *layer_label(const Network *network, int index) {
    return format("%s[%d] %s", network->name, index, layer_kind_names[network->layers[index].kind]);
}

#define TOO_LARGE "too large: "

/* ---- one layer: NULL, or why its shape is none. in: of all that it reads ---- */

/* Convolutions and pools. conv: ⌊(in + 2·padding − kernel) / stride⌋ + 1; conv_transpose: (in − 1)·stride − 2·padding + kernel +
 * output_padding. */
static const char *slide_window(const NetworkLayer *layer, Shape in, Shape *out) {
    const bool transposed = is_transposed(layer->kind);
    const long sizes[3] = {in.T, in.H, in.W};
    long result[3];
    bool vanished = false, large = false;
    for (int axis = 0; axis < 3; axis++) {
        const long kernel = layer->kernel[axis], stride = layer->stride[axis], padding = layer->padding[axis];
        result[axis] = transposed ? (sizes[axis] - 1) * stride - 2 * padding + kernel + layer->output_padding[axis]
                                  : floor_divide(sizes[axis] + 2 * padding - kernel, stride) + 1;
        vanished |= result[axis] < 1;
        large |= result[axis] > INT_MAX;
    }
    if (vanished || large)
        return format(vanished ? "nothing is left of %s: %ld frames × %ld × %ld" : TOO_LARGE "%s becomes %ld frames × %ld × %ld",
                      size_text(in), result[0], result[1], result[2]);
    *out = (Shape){has_product(layer->kind) ? layer->channels : in.C, (int)result[0], (int)result[1], (int)result[2]};
    return NULL;
}

static const char *linear_shape(const NetworkLayer *layer, Shape in, Shape *out) {
    const bool shape = layer->written.rank > 0;
    *out = (Shape){layer->channels, layer->over == OVER_CLIP ? 1 : in.T, shape ? layer->written.size[1] : 1,
                   shape ? layer->written.size[2] : 1};
    return NULL;
}

static const char *reshape_shape(const NetworkLayer *layer, Shape in, Shape *out) {
    const int *to = layer->written.size;
    const bool clip = layer->written.rank == 4, vector = layer->written.rank == 1;
    *out = clip ? (Shape){to[0], to[1], to[2], to[3]} : (Shape){to[0], in.T, vector ? 1 : to[1], vector ? 1 : to[2]};
    if (shape_elements(in) == shape_elements(*out)) return NULL;
    const double frames = clip ? 1 : in.T;
    return format("%s has %.0f values %s, what it becomes %.0f", size_text(in), shape_elements(in) / frames, clip ? "a clip" : "a frame",
                  shape_elements(*out) / frames);
}

static const char *recurrent_shape(const NetworkLayer *layer, Shape in, Shape *out) {
    *out = layer->kind == LAYER_GRU ? (Shape){layer->hidden, in.T, 1, 1} : (Shape){layer->channels, in.T, in.H, in.W};
    if (layer->kind == LAYER_CONV_LSTM || (in.H == 1 && in.W == 1)) return NULL;
    return format("a GRU reads a vector a frame, not %s: put `linear` or `reshape: [%.0f]` before it", size_text(in),
                  shape_elements(in) / in.T);
}

const char *merge_shapes(bool concat, const Shape *in, int count, Shape *out) {
    double channels = in[0].C;
    *out = in[0];
    for (int i = 1; i < count; i++) {
        Shape other = in[i];
        channels += other.C;
        if (concat) other.C = in[0].C;
        if (!shapes_equal(in[0], other))
            return format("%s and %s %s", size_text(in[0]), size_text(in[i]),
                          concat ? "differ in more than channels" : "are not of one shape");
    }
    if (concat && channels > INT_MAX) return TOO_LARGE "2147483647 channels are the limit";
    if (concat) out->C = (int)channels;
    return NULL;
}

static const char *upsample_shape(const NetworkLayer *layer, Shape in, Shape *out) {
    const double height = (double)in.H * layer->scale[0], width = (double)in.W * layer->scale[1];
    if (height > INT_MAX || width > INT_MAX) return format(TOO_LARGE "%s becomes %.0f × %.0f", size_text(in), height, width);
    *out = (Shape){in.C, in.T, (int)height, (int)width};
    return NULL;
}

static const char *layer_shape(const NetworkLayer *layer, const Shape *in, Shape *out) {
    switch (layer->kind) {
    case LAYER_CONV:
    case LAYER_CONV_TRANSPOSE:
    case LAYER_CONV3D:
    case LAYER_CONV_TRANSPOSE3D:
    case LAYER_MAX_POOL:
    case LAYER_AVG_POOL:
    case LAYER_MAX_POOL3D:
    case LAYER_AVG_POOL3D:
        return slide_window(layer, in[0], out);
    case LAYER_LINEAR:
        return linear_shape(layer, in[0], out);
    case LAYER_RESHAPE:
        return reshape_shape(layer, in[0], out);
    case LAYER_GRU:
    case LAYER_CONV_LSTM:
        return recurrent_shape(layer, in[0], out);
    case LAYER_UPSAMPLE:
        return upsample_shape(layer, in[0], out);
    case LAYER_CONCAT:
    case LAYER_ADD:
        return merge_shapes(layer->kind == LAYER_CONCAT, in, layer->from_count, out);
    case LAYER_MEMORY:
    case LAYER_NORM:
    case LAYER_ACTIVATION:
    case LAYER_DROPOUT:
        *out = in[0];
        return NULL;
    case LAYER_KINDS:
        break;
    }
    die("no such kind of layer: %d", (int)layer->kind);
}

/* ---- a network ---- */

Shape source_shape(const Network *network, Source source) {
    if (source.kind == SOURCE_INPUT) return network->inputs[source.index].shape;
    const NetworkLayer *layer = &network->layers[source.index];
    return source.kind == SOURCE_TAP ? layer->tap_size : layer->out;
}

/* The first layer whose shape is none, with why; or -1. */
static int follow(Network *network, const char **problem) {
    for (int i = 0; i < network->layer_count; i++) {
        NetworkLayer *layer = &network->layers[i];
        Shape few[8], *in = layer->from_count <= 8 ? few : NEW_ARRAY(Shape, layer->from_count);
        for (int k = 0; k < layer->from_count; k++) in[k] = source_shape(network, layer->from[k]);
        layer->in = in[0];
        *problem = layer_shape(layer, in, &layer->out);
        if (*problem) return i;
        layer->tap_size = layer->out;
        if (layer->kind == LAYER_MEMORY) layer->tap_size.C = layer->items;
        if (shape_elements(layer->out) > SPEC_TENSOR_ELEMENTS || shape_elements(layer->tap_size) > SPEC_TENSOR_ELEMENTS) {
            *problem = format(TOO_LARGE "%s has more than 2147483647 (2^31 - 1) elements", size_text(layer->tap_size));
            return i;
        }
    }
    return -1;
}

/* The shapes of the first `count` layers, a line each. */
static const char *chain(const Network *network, int count) {
    Text text = {0};
    text_add(&text, "%s", "");
    for (int i = 0; i < network->input_count; i++)
        text_add(&text, "line %4d   %-32s %s\n", network->inputs[i].mark.line,
                 format("%s's input %s", network->name, network->inputs[i].name), size_text(network->inputs[i].shape));
    const int skipped = count > 40 ? count - 40 : 0;
    for (int i = skipped; i < count; i++)
        text_add(&text, "line %4d   %-32s %s\n", network->layers[i].mark.line, layer_label(network, i), size_text(network->layers[i].out));
    return text.bytes;
}

static const char *layer_remedy(const NetworkLayer *layer, const char *problem) {
    if (!strncmp(problem, TOO_LARGE, strlen(TOO_LARGE))) return "remedy: a smaller image, or fewer channels or frames";
    switch (layer->kind) {
    case LAYER_CONV_TRANSPOSE:
    case LAYER_CONV_TRANSPOSE3D:
        return "remedy: a smaller `padding` here: it cuts off around the output";
    case LAYER_RESHAPE:
        return "remedy: sizes whose product is the number of values";
    case LAYER_CONCAT:
        return "remedy: `concat` joins channels: T, H and W have to agree";
    case LAYER_ADD:
        return "remedy: `add` is element by element; `concat` joins along channels";
    case LAYER_GRU:
        return "";
    default:
        return "remedy: more `padding` or a smaller `kernel` here, or smaller strides before it";
    }
}

bool follow_layers(Builder *builder, Network *network, Mark call) {
    const char *problem;
    const int failed = follow(network, &problem);
    if (failed < 0) return true;
    const NetworkLayer *layer = &network->layers[failed];
    spec_error(builder->errors, layer->mark, layer->width, format("%s%s", chain(network, failed), layer_remedy(layer, problem)),
               "%s does not fit, where line %d calls `%s`: %s", layer_label(network, failed), call.line, network->name, problem);
    return false;
}

/* ---- what would mend a shape ---- */

typedef enum { TRY_OUTPUT_PADDING, TRY_PADDING, TRY_STRIDE, TRY_KERNEL, TRIES } Try;
static const struct {
    const char *name;
    size_t field;
    int least, most;
} tries[TRIES] = {
    [TRY_OUTPUT_PADDING] = {"output_padding", offsetof(NetworkLayer, output_padding), 0, 3},
    [TRY_PADDING] = {"padding", offsetof(NetworkLayer, padding), 0, 6},
    [TRY_STRIDE] = {"stride", offsetof(NetworkLayer, stride), 1, 4},
    [TRY_KERNEL] = {"kernel", offsetof(NetworkLayer, kernel), 1, 7},
};

static bool gives(Network *copy, Source result, Shape wanted) {
    const char *problem;
    return follow(copy, &problem) < 0 && shapes_equal(source_shape(copy, result), wanted);
}

/* A value of one key of this layer, for height and width alike, with which the network gives the shape. */
static const char *mend_layer(Network *copy, int index, Try what, Source result, Shape wanted) {
    NetworkLayer *layer = &copy->layers[index];
    const NetworkLayer before = *layer;
    const bool transposed = is_transposed(layer->kind);
    if (layer->kind > LAYER_CONV_TRANSPOSE3D || (what == TRY_OUTPUT_PADDING && !transposed)) return NULL;
    for (int value = tries[what].least; value <= tries[what].most; value++) {
        int *field = (int *)(void *)((char *)layer + tries[what].field);
        field[1] = field[2] = value;
        const bool legal =
            layer->output_padding[1] == 0 || (layer->output_padding[1] < layer->stride[1] && layer->output_padding[2] < layer->stride[2]);
        const bool fits = legal && gives(copy, result, wanted);
        *layer = before;
        if (fits)
            return format("remedy: `%s: %d` in line %d's %s", tries[what].name, value, layer->mark.line, layer_kind_names[layer->kind]);
    }
    return NULL;
}

static const char *mend_channels(Network *copy, Source result, Shape wanted) {
    NetworkLayer *layer = &copy->layers[result.index];
    const NetworkLayer before = *layer;
    const bool shape = layer->kind == LAYER_LINEAR && layer->written.rank;
    if (!has_product(layer->kind) || wanted.C > SPEC_TENSOR_ELEMENTS) return NULL;
    layer->channels = wanted.C;
    const bool fits = gives(copy, result, wanted);
    *layer = before;
    if (!fits || shape) return NULL;
    return format("remedy: `%s: %d` in line %d's %s", layer->kind == LAYER_LINEAR ? "features" : "channels", wanted.C, layer->mark.line,
                  layer_kind_names[layer->kind]);
}

static const char *mend_network(const Network *network, Source result, Shape wanted) {
    enum { LAYERS_TRIED = 64 }; /* trying is quadratic in the number of layers */
    Network copy = *network;
    if (network->layer_count > LAYERS_TRIED) return "";
    copy.layers = NEW_ARRAY(NetworkLayer, network->layer_count);
    memcpy(copy.layers, network->layers, sizeof *copy.layers * (size_t)network->layer_count);
    const char *remedy = mend_channels(&copy, result, wanted);
    for (int what = 0; what < TRIES && !remedy; what++)
        for (int i = result.index; i >= 0 && !remedy; i--) remedy = mend_layer(&copy, i, (Try)what, result, wanted);
    return remedy ? remedy : "";
}

const char *shape_history(const Value *value, Shape wanted) {
    while (value->kind == VALUE_HALF || value->kind == VALUE_DETACH || value->kind == VALUE_UNIT || value->kind == VALUE_JOIN)
        value = value->operands[0];
    if (value->kind != VALUE_CALL && value->kind != VALUE_RESULT) return "";
    const Value *call = value->kind == VALUE_CALL ? value : value->operands[0];
    const Network *network = call->call->network;
    const Source result = value->kind == VALUE_CALL ? (Source){SOURCE_LAYER, network->layer_count - 1} : value->source;
    return format("%s%s", chain(network, result.index + 1), mend_network(network, result, wanted));
}

/* ---- sizes ---- */

static bool too_large(Builder *builder, Mark mark, const char *what, double elements, double *bytes) {
    static const char *const remedy = "make batch, T, channels or the image smaller";
    *bytes += 4 * elements;
    if (elements > SPEC_TENSOR_ELEMENTS)
        spec_error(builder->errors, mark, 1, remedy, "%s has %.10g elements; 2147483647 (2^31 - 1) is the limit", what, elements);
    else if (*bytes > SPEC_TOTAL_BYTES)
        spec_error(builder->errors, mark, 1, remedy, "with %s, values and parameters need more than 2^40 bytes", what);
    else return false;
    return true;
}

/* Elements of the largest tensor of parameters, and of all of them. */
static double weight_elements(const NetworkLayer *layer) {
    const double kernel = (double)layer->kernel[0] * layer->kernel[1] * layer->kernel[2], in = layer->in.C;
    switch (layer->kind) {
    case LAYER_CONV:
    case LAYER_CONV_TRANSPOSE:
    case LAYER_CONV3D:
    case LAYER_CONV_TRANSPOSE3D:
        return in * layer->channels * kernel;
    case LAYER_LINEAR:
        return shape_elements(layer->in) / (layer->over == OVER_CLIP ? 1 : layer->in.T) * shape_elements(layer->out) / layer->out.T;
    case LAYER_GRU:
        return 3.0 * layer->hidden * (double)maximum(layer->hidden, layer->in.C);
    case LAYER_CONV_LSTM:
        return 4.0 * layer->channels * (in + layer->channels) * kernel;
    case LAYER_MEMORY:
        return in * layer->items;
    default:
        return in;
    }
}

void check_sizes(Builder *builder) {
    const System *system = builder->system;
    double bytes = 0;
    for (int i = 0; i < system->network_count; i++)
        for (int k = 0; k < system->networks[i].layer_count; k++) {
            const NetworkLayer *layer = &system->networks[i].layers[k];
            const char *what = format("a weight of %s", layer_label(&system->networks[i], k));
            const double copies = layer->kind == LAYER_GRU ? 2.0 * layer->gru_layers - 1 : 0;
            bytes += 4 * copies * weight_elements(layer);
            if (too_large(builder, layer->mark, what, weight_elements(layer), &bytes)) return;
        }
    for (int i = 0; i < system->value_count; i++) {
        const Value *value = system->values[i];
        const double items = (double)builder->spec->training.batch * (value->joined ? 2 : 1);
        const Mark mark = value->mark.line ? value->mark : builder->spec->input_mark;
        if (too_large(builder, mark, format("`%s` (batch %.0f · %s)", value_label(value), items, size_text(value->shape)),
                      items * shape_elements(value->shape), &bytes))
            return;
        for (int k = 0; value->kind == VALUE_CALL && k < value->call->network->layer_count; k++) {
            const NetworkLayer *layer = &value->call->network->layers[k];
            const double gates = layer->kind == LAYER_GRU ? 3 : layer->kind == LAYER_CONV_LSTM ? 4 : 1;
            const char *what = format("%s (batch %.0f · %s)", layer_label(value->call->network, k), items, size_text(layer->out));
            if (too_large(builder, layer->mark, what, gates * items * fmax(shape_elements(layer->out), shape_elements(layer->tap_size)),
                          &bytes))
                return;
        }
    }
}

/* Where a value that is no network's gets its shape. */
static const char *shape_origin(const Value *value) {
    if (value->kind == VALUE_DATA) return "`x` has the size of `input`";
    if (value->kind == VALUE_NOISE) return format("`%s` has the `shape` that `noise` gives it", value_label(value));
    return format("the shape of `%s` follows from its arguments", value_label(value));
}

const char *mend_shapes(const Value *value, const Value *other) {
    const char *history = shape_history(value, other->shape);
    if (!*history) history = shape_history(other, value->shape);
    return *history ? history : format("%s\n%s", shape_origin(value), shape_origin(other));
}
