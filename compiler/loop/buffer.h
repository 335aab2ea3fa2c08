/* buffer.h: memory that kernels read and write: what an index means (Buffer), and where its element lies (Layout, Offset). Implemented by
 * layout.c. */
#ifndef ZOETROPE_BUFFER_H
#define ZOETROPE_BUFFER_H

#include "loop/affine.h"
#include "loop/type.h"

enum { MAX_RANK = 8, MAX_LAYOUT_TERMS = 10 };

typedef enum {
    SPACE_TENSOR,   /* in the workspace, or given by the caller */
    SPACE_SCRATCH,  /* in the scratch memory of the thread that runs the iteration of the parallel loops */
    SPACE_REGISTER, /* local to the innermost iteration of the parallel loops; wants to be registers */
    SPACE_VIRTUAL   /* never stored: `value` defines an element; outside of `shape` it is `outside`, which expresses padding */
} Space;

/* Where element (i0, i1, …) lies: Σ over terms of ((i[dimension] / divisor) % modulus) · stride; modulus 0: no modulo.
 * Plain row-major is one term a dimension. nChw16c blocks dimension 1 by {1, 16, 0, H·W·16}, {1, 1, 16, 1}. */
typedef struct Layout {
    int count;
    struct {
        int dimension;
        long divisor, modulus, stride;
    } term[MAX_LAYOUT_TERMS];
    long size; /* elements, padding lanes included */
} Layout;

typedef struct Expression Expression;

typedef struct Buffer {
    const char *name; /* a C identifier, unique within a kernel */
    Type type;
    Space space;
    int rank;
    long shape[MAX_RANK]; /* every index in [0, shape) may be accessed; padding lanes included */
    Layout layout;
    long offset; /* SCRATCH: in bytes, from the thread's scratch (a multiple of 64). TENSOR: set by plan.c, not used by kernels */
    const Variable *index[MAX_RANK]; /* VIRTUAL: value is in terms of these */
    const Expression *value;
    double outside;         /* VIRTUAL: the value outside of `shape` */
    const Expression *rest; /* VIRTUAL: the value from index `rest_from` of dimension `rest_dimension` on; NULL: `value` everywhere */
    int rest_dimension;
    long rest_from;
    void *owner; /* the Tensor of the graph's room */
} Buffer;

Layout layout_row_major(int rank, const long *shape);
/* Row-major with `dimension` blocked: its lanes of `block` innermost, shape[dimension] rounded up to a multiple of block. */
Layout layout_blocked(int rank, const long *shape, int dimension, long block);
/* Row-major in another order of the dimensions (order[0] outermost), the last `dimension` (or −1) blocked innermost. */
Layout layout_ordered(int rank, const long *shape, const int *order, int dimension, long block);
/* Where the element at these numbers lies, in elements. */
long layout_offset(const Layout *layout, const long *index);
/* The dimension whose lanes are innermost, in blocks; −1 if none is blocked. */
int layout_lane(const Layout *layout);
Buffer *new_buffer(const char *name, Type type, Space space, int rank, const long *shape, Layout layout);

/* The offset in elements of buffer[index], simplified as far as the ranges of the variables allow: floor-division and
 * modulo only remain where a term does not split. `affine` is the affine part; the rest is a sum of
 * (inner / divisor % modulus) · stride. */
typedef struct OffsetTerm {
    Affine inner;
    long divisor, modulus, stride;
} OffsetTerm;

typedef struct Offset {
    Affine affine;
    int count;
    OffsetTerm *term;
} Offset;
Offset buffer_offset(const Buffer *buffer, const Affine *index);
Offset offset_substitute(Offset offset, const Variable *variable, Affine by);
bool offset_is_multiple(const Offset *offset, long of);         /* for all values of the variables, by its terms */
void offset_range(const Offset *offset, long *low, long *high); /* over all variables, both inclusive; offsets in between may not occur */

#endif
