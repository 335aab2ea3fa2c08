/* matrix_product.h: the body of a CALL, as what it has to be: a product of two matrices. */
#ifndef ZOETROPE_MATRIX_PRODUCT_H
#define ZOETROPE_MATRIX_PRODUCT_H

#include "loop/loop_tree.h"

typedef struct Matrix { /* element (r, c) lies at base + r · row + c · column; one of the two strides is 1 */
    const Buffer *buffer;
    Offset base;
    long row, column;
} Matrix;

typedef struct MatrixProduct { /* c[r, s] = Σ over t of a[r, t] · b[t, s], or with that added to it; the columns of c are adjacent */
    long rows, columns, terms;
    Matrix a, b, c;
    bool adds;
} MatrixProduct;

/* Reads the body of a CALL: a nest of loops that adds up products, perhaps after one that sets the same elements to zero. Returns why it is
 * no product of matrices that BLAS can compute; NULL: it is one. */
const char *find_matrix_product(const Statement *call, MatrixProduct *product);

#endif
