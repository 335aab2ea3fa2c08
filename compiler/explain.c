/* explain: what a spec means, in figures. */
#include "main.h"

void explain_model(FILE *out, const Model *model) {
    for (int i = 0; i < model->code_count; i++)
        fprintf(out, "%-8s %12ld bytes + threads x %ld\n", model->code[i]->target->name, model->code[i]->workspace_bytes, model->code[i]->scratch_bytes);
}
