/* weights_file.c: packed weights as one binary file, which a program maps and reads in place.
 *
 * All numbers have the byte order that the file is made for. Sections begin at multiples of 64 bytes.
 *
 *   header, 64 bytes    0 "zoetrope"    8 u32 0x01020304    12 u32 version    16 u64 hash of the spec    24 u32 precision
 *                      28 u32 sections    32 u64 bytes of the file    40 u64 checksum of everything behind the table
 *                      48 u32 recurrence: 0 a window, 1 carried    52 u32 zero    56 u64 checksum of the header up to here and of the table
 *   section, 64 bytes   0 u32 kind    4 u32 format    8 u64 hash of the layout    16 u64 offset    24 u64 bytes    32 u64 count    40 zero
 *
 * kind 1: the weights of one layout, as kernels read them; of a search, some twice, in two orders. Biases are always float32. Formats:
 *   0  float32; direct convolution, as in 1, 2 and 3
 *   1  half
 *   2  bfloat16
 *   3  bytes, and a scale, a float, for each output
 *   4  float32, some weights transformed for minimal filtering (precision 0 in the header; else it is the header's precision)
 *   5  bfloat16, some weights in pairs of input channels c and c + H, H whole vectors and at least half of the channels: a u32 with
 *      channel c in its low half, and zero for a missing second channel (precision 2)
 *   6  bytes and scales, some weights in such pairs: a u16 with channel c in its low byte (precision 3)
 *
 * kind 2: an input and what it gives. Of version 1, `count` frames, 2, and the expected results of frames 2 T - 1 and 2 T of a stream that
 * begins from h0 and shows them in turn: f64 score[count], f32 x[count], h0, reconstruction[count]. Of version 2, a clip: f64 score[count],
 * f32 x, what is drawn for it, the outputs, and the noise that a search finds. Format 0: in double precision. 5 or 6: in double precision
 * from operands rounded to bfloat16, as in that section's targets.
 *
 * Checksums are FNV-1a over bytes, 64 bits. */
#include "bundle/weights_file.h"

#include "bundle/inference.h"
#include "lower/lower_filter_weight.h"
#include "lower/weight_layout.h"

#include <math.h>
#include <string.h>

enum { HEADER = 64, ENTRY = 64, VERSION = 2, KIND_WEIGHTS = 1, KIND_GOLDEN = 2, MARK = 0x01020304 };

typedef struct Writer {
    Bytes bytes;
    bool big_endian;
} Writer;

static void put(const Writer *writer, size_t offset, uint64_t value, int width) {
    for (int i = 0; i < width; i++)
        writer->bytes.start[offset + (size_t)i] = (unsigned char)(value >> 8 * (writer->big_endian ? width - 1 - i : i));
}

static void put_float(const Writer *writer, size_t offset, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put(writer, offset, bits, 4);
}

static void put_floats(const Writer *writer, size_t offset, const float *values, long count) {
    for (long i = 0; i < count; i++) put_float(writer, offset + 4 * (size_t)i, values[i]);
}

typedef struct Section {
    uint32_t kind, format;
    uint64_t layout, count;
    size_t offset, length;
} Section;

/* Element number `element` of values of this type. A value of bytes is one of −127 … 127. */
static void put_element(const Writer *writer, size_t start, Type type, long element, double value) {
    const size_t at = start + (size_t)(type_size(type) * element);
    switch (type) {
    case TYPE_F32:
        put_float(writer, at, (float)value);
        break;
    case TYPE_F16:
        put(writer, at, f16_bits(value), 2);
        break;
    case TYPE_BF16:
        put(writer, at, bf16_bits(value), 2);
        break;
    case TYPE_I8:
        put(writer, at, (uint64_t)lrint(value), 1);
        break;
    default:
        die("weights of %s", type_names[type]);
    }
}

/* Value number i of a weight, in units of its output's scale if there are scales. */
static double in_units(double value, const Node *weight, const double *scale, long i) {
    if (!scale) return value;
    const double unit = scale[output_of(weight, i)];
    return unit > 0 ? value / unit : 0;
}

/* Values in the order of the dimensions of `shape`. */
static void pack_values(const Writer *writer, size_t section, const Buffer *buffer, int rank, const long *shape, const double *values,
                        const Node *weight, const double *scale) {
    const size_t start = section + (size_t)((const Tensor *)buffer->owner)->offset;
    long count = 1;
    for (int d = 0; d < rank; d++) count *= shape[d];
    for (long i = 0; i < count; i++) {
        long index[MAX_RANK] = {0}, rest = i;
        for (int d = rank - 1; d >= 0; d--) {
            index[d] = rest % shape[d];
            rest /= shape[d];
        }
        put_element(writer, start, buffer->type, layout_offset(&buffer->layout, index), in_units(values[i], weight, scale, i));
    }
}

/* A convolution's weight [S, L, u, v], transformed for minimal filtering. */
static void pack_filtered(const Writer *writer, size_t section, const Buffer *buffer, const Node *node, const FilterPlan *plan,
                          const double *values) {
    const size_t start = section + (size_t)((const Tensor *)buffer->owner)->offset;
    const long taps = node->shape[2] * node->shape[3];
    for (long i = 0; i < node->shape[0] * node->shape[1]; i++) {
        const long channel[2] = {i / node->shape[1], i % node->shape[1]};
        double filtered[FILTER_SIZE * FILTER_SIZE];
        filter_taps(plan, &values[taps * i], filtered);
        for (long p = 0; p < buffer->shape[0]; p++)
            for (long q = 0; q < buffer->shape[1]; q++) {
                const long index[MAX_RANK] = {p, q, channel[1 - plan->out], channel[plan->out]};
                put_element(writer, start, TYPE_F32, layout_offset(&buffer->layout, index), filtered[p * buffer->shape[1] + q]);
            }
    }
}

/* A convolution's weight [S, L, u, v] in pairs along its input channels; of bytes, divided by their scales. */
static void pack_pairs(const Writer *writer, size_t section, const Buffer *buffer, const Node *node, const double *values,
                       const double *scale) {
    const Type type = buffer->type == TYPE_I8_PAIR ? TYPE_I8 : TYPE_BF16;
    const size_t start = section + (size_t)((const Tensor *)buffer->owner)->offset;
    const long taps = node->shape[2] * node->shape[3];
    int out, in;
    weight_sides(node, &out, &in);
    for (long i = 0; i < node->shape[0] * node->shape[1] * taps; i++) {
        long index[MAX_RANK] = {i / taps / node->shape[1], i / taps % node->shape[1], i % taps / node->shape[3], i % node->shape[3]};
        const bool second = index[in] >= buffer->shape[in];
        if (second) index[in] -= buffer->shape[in];
        const long element = 2 * layout_offset(&buffer->layout, index) + (second != writer->big_endian);
        put_element(writer, start, type, element, in_units(values[i], node, scale, i));
    }
}

static void write_weight(const Writer *writer, size_t start, const InferenceCode *code, const Parameter *parameter, const double *values,
                         const double *scales) {
    const Node *node = parameter->node;
    const Buffer *weight = code->weight[parameter->number], *copy = code->copy[parameter->number];
    const FilterPlan *filter = code->filter[parameter->number];
    if (filter) pack_filtered(writer, start, weight, node, filter, values);
    else if (value_type(weight->type) == TYPE_PAIR) pack_pairs(writer, start, weight, node, values, scales);
    else pack_values(writer, start, weight, node->rank, node->shape, values, node, scales);
    if (copy) pack_values(writer, start, copy, node->rank, node->shape, values, node, scales);
    if (!scales) return;
    long shape[4];
    output_features(node, shape);
    pack_values(writer, start, code->scale[parameter->number], 4, shape, scales, NULL, NULL);
}

static void write_weights(const Writer *writer, const Section *section, const Inference *inference, const InferenceCode *code,
                          double *const *parameters, double *const *scales) {
    const Graph *graph = inference->graph[0];
    for (int i = 0; i < graph->parameter_count; i++)
        write_weight(writer, section->offset, code, graph->parameter[i], parameters[i], scales[i]);
}

static void write_golden(const Writer *writer, const Section *section, const Golden *golden) {
    size_t at = section->offset;
    for (long i = 0; i < golden->scores; i++, at += 8) {
        uint64_t bits;
        memcpy(&bits, &golden->score[i], sizeof bits);
        put(writer, at, bits, 8);
    }
    put_floats(writer, at, golden->value, golden->values);
}

/* Lists a section for each layout, in the order of the targets, and then the golden ones. Returns how many; *end: the end of the last one.
 */
static int list_sections(const Inference *inference, const Golden *const golden[2], Section *section, size_t *end) {
    int count = 0;
    for (int i = 0; i < inference->code_count; i++) {
        const InferenceCode *code = inference->code[i];
        bool known = false;
        for (int k = 0; k < count; k++) known = known || section[k].layout == code->layout;
        if (!known)
            section[count++] = (Section){.kind = KIND_WEIGHTS,
                                         .format = (uint32_t)code->format,
                                         .layout = code->layout,
                                         .length = (size_t)code->weight_bytes,
                                         .count = (uint64_t)i};
    }
    for (int g = 0; g < 2 && golden[g]; g++)
        section[count++] = (Section){.kind = KIND_GOLDEN,
                                     .format = g ? (uint32_t)rounding_code(inference)->format : 0,
                                     .length = (size_t)(8 * golden[g]->scores + 4 * golden[g]->values),
                                     .count = (uint64_t)golden[g]->scores};
    *end = HEADER + ENTRY * (size_t)count;
    for (int k = 0; k < count; k++) {
        section[k].offset = *end;
        *end = (*end + section[k].length + 63) / 64 * 64;
    }
    return count;
}

static void write_header(const Writer *writer, const Inference *inference, const Section *section, int count) {
    unsigned char *const start = writer->bytes.start;
    const size_t table = HEADER + ENTRY * (size_t)count;
    memcpy(start, "zoetrope", 8);
    put(writer, 8, MARK, 4);
    put(writer, 12, VERSION, 4);
    put(writer, 16, inference->spec->hash, 8);
    put(writer, 24, (uint64_t)inference->precision, 4);
    put(writer, 28, (uint64_t)count, 4);
    put(writer, 32, writer->bytes.length, 8);
    put(writer, 48, (uint64_t)inference->recurrence, 4);
    put(writer, 40, hash_bytes(HASH_START, start + table, writer->bytes.length - table), 8);
    for (int k = 0; k < count; k++) {
        const size_t at = HEADER + ENTRY * (size_t)k;
        put(writer, at, section[k].kind, 4);
        put(writer, at + 4, section[k].format, 4);
        put(writer, at + 8, section[k].layout, 8);
        put(writer, at + 16, section[k].offset, 8);
        put(writer, at + 24, section[k].length, 8);
        put(writer, at + 32, section[k].kind == KIND_GOLDEN ? section[k].count : 0, 8);
    }
    put(writer, 56, hash_bytes(hash_bytes(HASH_START, start, 56), start + HEADER, table - HEADER), 8);
}

Bytes pack_weights(const Inference *inference, double *const *parameters, double *const *scales, const Golden *const golden[2],
                   bool big_endian) {
    Section section[MAX_TARGETS + 2];
    Writer writer = {.big_endian = big_endian};
    const int count = list_sections(inference, golden, section, &writer.bytes.length);
    writer.bytes.start = NEW_ARRAY(unsigned char, writer.bytes.length);
    for (int k = 0; k < count; k++) {
        if (section[k].kind == KIND_GOLDEN) write_golden(&writer, &section[k], golden[section[k].format != 0]);
        else write_weights(&writer, &section[k], inference, inference->code[section[k].count], parameters, scales);
    }
    write_header(&writer, inference, section, count);
    return writer.bytes;
}
