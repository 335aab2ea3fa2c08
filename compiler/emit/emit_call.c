/* emit_call.c: a CALL as a call of BLAS, and what a file needs that has some. */
#include "emit/emitter.h"

#include "loop/matrix_product.h"

/* &buffer[base] */
static const CExpression *address_of(Emitter *emitter, const Matrix *matrix) {
    return c_atom("&%s[%s]", used_buffer(emitter, matrix->buffer)->name, offset_text(emitter, &matrix->base));
}

/* BLAS knows a matrix whose rows are adjacent as the transpose of one whose columns are. */
static const char *transposition(const Matrix *matrix) {
    return matrix->column == 1 ? "CblasNoTrans" : "CblasTrans";
}

static long leading_dimension(const Matrix *matrix) {
    return matrix->column == 1 ? matrix->row : matrix->column;
}

void emit_product_call(Emitter *emitter, CBlock *out, const Statement *call) {
    MatrixProduct p;
    const char *why = find_matrix_product(call, &p);
    if (why) die("%s: a call: %s", emitter->kernel->name, why);
    const CExpression *const arguments[] = {c_atom("CblasRowMajor"),
                                            c_atom("%s", transposition(&p.a)),
                                            c_atom("%s", transposition(&p.b)),
                                            c_atom("%ld", p.rows),
                                            c_atom("%ld", p.columns),
                                            c_atom("%ld", p.terms),
                                            c_atom("1"),
                                            address_of(emitter, &p.a),
                                            c_atom("%ld", leading_dimension(&p.a)),
                                            address_of(emitter, &p.b),
                                            c_atom("%ld", leading_dimension(&p.b)),
                                            c_atom("%d", p.adds),
                                            address_of(emitter, &p.c),
                                            c_atom("%ld", p.c.row)};
    c_evaluate(out, c_call("cblas_sgemm", sizeof arguments / sizeof *arguments, arguments));
}

void emit_library(File *file) {
    CBlock *body = c_nested(file->programs, "", "static void library(const char **version, const char **kernels)");
    c_line(body, "openblas_set_num_threads(1); /* each call is made by one of our threads, and is its work alone */");
    c_line(body, "*version = openblas_get_config();");
    c_line(body, "*kernels = openblas_get_corename();");
    c_blank(file->programs);
}
