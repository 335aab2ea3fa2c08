/* emit.h: the text of generated files. Only emit*.c print C. */
#ifndef ZOETROPE_EMIT_H
#define ZOETROPE_EMIT_H

#include "graph/spec_model.h"
#include "lower/program.h"

void emit_target_file(Text *out, const Spec *spec, const TargetCode *code, const char *options);
void emit_model_file(Text *out, const Model *model, const Target *const *list, int count, const char *options);

#endif
