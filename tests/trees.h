/* trees.h: loop trees built by hand, for the tests of the verifier and the interpreter. Buffers have rank 2. */
#ifndef ZOETROPE_TESTS_TREES_H
#define ZOETROPE_TESTS_TREES_H

#include "../compiler/loop/loop_tree.h"

enum { LANES = 8 };

Statement *loop(const Variable *variable, LoopKind kind, Statement *body);
Statement *guard(Affine value, long limit, Statement *body, Statement *other); /* 0 <= value < limit */
Statement *followed_by(Statement *first, Statement *next);
Statement *assign(const Buffer *buffer, Affine i, Affine j, const Expression *value); /* buffer[i, j] = value */
Statement *accumulate(const Buffer *buffer, Affine i, Affine j, const Expression *value);
const Expression *load_at(const Buffer *buffer, Affine i, Affine j);
Buffer *buffer_of(const char *name, Space space, long rows, long columns);
Affine zero(void);
Affine of(const Variable *variable, long coefficient, long constant); /* coefficient * variable + constant */
Affine sum_of(Affine a, Affine b);
Kernel kernel_of(Statement *tree);

/* What the verifier must say of kernels and of trees: nothing, or an error that names the kernel and contains `reason`. */
void is_right(const Kernel *kernel);
void is_wrong(const Kernel *kernel, const char *reason);
void passes(Statement *tree);
void is_refused(Statement *tree, const char *reason);

typedef struct Binding { /* memory of a kernel's tensors: find_memory's context is a list of these that ends with a NULL buffer */
    const Buffer *buffer;
    void *elements;
} Binding;
void *find_memory(const Buffer *buffer, void *context);

#endif
