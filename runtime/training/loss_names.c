/* loss_names.c: the losses of a system's steps, and what they are called. */
#include "training/loss_names.h"

#include "common/file.h"

#include <stdlib.h>
#include <string.h>

const char *loss_name(const char *name) {
    return strncmp(name, "loss.", 5) == 0 ? name + 5 : name;
}

static const ModelProgram *program_of(const ModelDescription *model, int step) {
    return &model->programs[model->steps[step].program];
}

static bool is_shared(const ModelDescription *model, const char *name) {
    int steps = 0;
    for (int i = 0; i < model->step_count; i++)
        for (int k = 0; k < program_of(model, i)->losses; k++) steps += strcmp(loss_name(program_of(model, i)->loss[k]), name) == 0;
    return steps > 1;
}

LossNames name_losses(const ModelDescription *model) {
    LossNames names = {0};
    size_t count = 0;
    if (model->language == 1) return names;
    for (int i = 0; i < model->step_count; i++) count += (size_t)program_of(model, i)->losses;
    names.loss = allocate(count * sizeof *names.loss);
    for (int i = 0; i < model->step_count; i++) {
        for (int k = 0; k < program_of(model, i)->losses; k++) {
            const char *name = loss_name(program_of(model, i)->loss[k]);
            names.loss[names.count++] = (LossName){.step = i,
                                                   .number = k,
                                                   .key = path_join("", "step%d.loss.%s", i, name),
                                                   .label = is_shared(model, name) ? path_join("", "step%d.%s", i, name) : copy_text(name)};
        }
    }
    return names;
}

void loss_names_free(LossNames *names) {
    for (int i = 0; i < names->count; i++) {
        free(names->loss[i].key);
        free(names->loss[i].label);
    }
    free(names->loss);
    *names = (LossNames){0};
}
