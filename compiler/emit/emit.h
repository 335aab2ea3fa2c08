/* emit.h: the text of generated files. Only emit*.c print C. */
#ifndef ZOETROPE_EMIT_H
#define ZOETROPE_EMIT_H

#include "lower/program.h"

void emit_target_file(Text *out, const Graph *training, const TargetCode *code, const char *options);
void emit_model_file(Text *out, const Graph *training, const Target *const *list, int count, const char *options);

#endif
