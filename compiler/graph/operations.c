/* operations.c: what the table of operations says of one. */
#include "graph/operations.h"

#include <ctype.h>

const char *operation_name(Operation op) {
    static const char *const upper[OP_COUNT] = {
#define X(name, inputs, properties, meaning) [OP_##name] = #name,
        GRAPH_OPERATIONS(X)
#undef X
    };
    static char lower[OP_COUNT][32];
    if (!lower[op][0])
        for (int i = 0; upper[op][i]; i++) lower[op][i] = (char)tolower((unsigned char)upper[op][i]);
    return lower[op];
}

int operation_inputs(Operation op) {
    static const int inputs_of[OP_COUNT] = {
#define X(name, inputs, properties, meaning) [OP_##name] = inputs,
        GRAPH_OPERATIONS(X)
#undef X
    };
    return inputs_of[op];
}

bool operation_is(Operation op, int property) {
    static const int properties_of[OP_COUNT] = {
#define X(name, inputs, properties, meaning) [OP_##name] = properties,
        GRAPH_OPERATIONS(X)
#undef X
    };
    return properties_of[op] & property;
}
