/* print_loop.h: pieces of the loop IR as text, for dumps and for the verifier's messages. */
#ifndef ZOETROPE_PRINT_LOOP_H
#define ZOETROPE_PRINT_LOOP_H

#include "loop/loop_tree.h"

void text_affine(Text *text, const Affine *affine);                      /* 2i + u - 1 */
void text_expression(Text *text, const Expression *expression);          /* shared parts are named where they first occur: (t1 = …) */
void text_access(Text *text, const Buffer *buffer, const Affine *index); /* y[n, k, 2i + 1] */
void text_store(Text *text, const Store *store);                         /* y[n, k] += value */
/* A statement on one line, cut where it is long; loops and guards without their bodies. */
char *statement_summary(const Statement *statement);

/* A kernel as text, before (computes) or after scheduling (tree): what --dump shows. */
void print_kernel(FILE *out, const Kernel *kernel);
void print_expression(FILE *out, const Expression *e);

#endif
