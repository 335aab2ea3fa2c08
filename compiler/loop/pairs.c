/* pairs.c: operands of dot products, as virtual buffers. */
#include "loop/pairs.h"
#include "base/support.h"

#include <string.h>

#define V affine_variable

const Buffer *pairs_of(const Buffer *input, int dimension, long count, long whole, long a, long b) {
    long shape[4];
    memcpy(shape, input->shape, sizeof shape);
    shape[dimension] = count;
    Buffer *pairs = new_buffer(format("%s_pairs", input->name), TYPE_PAIR, SPACE_VIRTUAL, 4, shape, layout_row_major(4, shape));
    for (int d = 0; d < 4; d++) pairs->index[d] = new_variable(input->index[d]->name, shape[d]);
    const Expression *half[2];
    for (int h = 0; h < 2; h++) {
        half[h] = input->value;
        for (int d = 0; d < 4; d++) {
            const Affine index = V(pairs->index[d]);
            const Affine element = d == dimension ? affine_shift(affine_scale(index, a), h * b) : index;
            half[h] = expression_substitute(half[h], input->index[d], element);
        }
    }
    pairs->value = op2(PAIR, half[0], half[1]);
    if (whole == count) return pairs;
    pairs->rest = op2(PAIR, half[0], constant(0));
    pairs->rest_dimension = dimension;
    pairs->rest_from = whole;
    return pairs;
}

const Expression *product_of(const Expression *a, const Expression *b) {
    return a->type == TYPE_PAIR ? op2(DOT, a, b) : op2(MULTIPLY, a, b);
}
