/* system_steps.c: what an iteration does: which networks each step updates by which losses, and which draws and batches it reads. */
#include "spec/system_internal.h"

static void read_update(Builder *builder, const SpecNode *entry, TrainingStep *step) {
    const int index = find_among(builder->errors, entry->key, "network", network_names(builder));
    StepUpdate *update = &step->updates[step->update_count];
    *update = (StepUpdate){.mark = entry->key->mark};
    if (index < 0 || !read_weighed_losses(builder, entry, &update->losses, &update->loss_count)) return;
    update->network = &builder->system->networks[index];
    if (update->network->frozen) {
        spec_error(builder->errors, entry->key->mark, entry->key->width, "remove `frozen`, or do not update it",
                   "`%s` is frozen: no step updates it", update->network->name);
        return;
    }
    step->update_count++;
}

/* Keys of `update` are names of networks: each may stand there once. */
static void read_updates(Builder *builder, const SpecNode *map, TrainingStep *step) {
    const SpecNode **entries = NULL;
    const int count = named_entries(builder->errors, "update", "a network", map, &entries);
    step->updates = NEW_ARRAY(StepUpdate, count + 1);
    for (int i = 0; i < count; i++) read_update(builder, entries[i], step);
}

static void read_step(Builder *builder, const SpecNode *item, int index) {
    TrainingStep *step = &builder->system->steps[index];
    StepDraft draft = {0};
    const SpecNode *kept;
    *step = (TrainingStep){.times = 1, .every = 1, .draw = index};
    const bool word = item->kind == NODE_MAP && item->first && item->first->key->kind == NODE_SCALAR;
    const SpecNode key = {.kind = NODE_SCALAR, .mark = word ? item->first->key->mark : item->mark, .width = 1, .text = "step"};
    if (!read_section(builder->reading, SECTION_STEP, &key, item, &draft)) return;
    read_updates(builder, draft.update, step);
    step->kept = draft.kept;
    step->batch = (StepBatch)draft.batch;
    step->times = draft.times;
    step->every = draft.every;
    kept = find_child(item, "noise");
    if (step->kept && index == 0)
        spec_error(builder->errors, kept->mark, kept->width, "write `noise: new`, or leave it out",
                   "the first step has no draw above it that it could keep");
}

/* The step that is meant where there are none. */
static void default_step(Builder *builder) {
    System *system = builder->system;
    TrainingStep *step = &system->steps[0];
    *step = (TrainingStep){.times = 1, .every = 1};
    WeighedLoss *losses = NEW_ARRAY(WeighedLoss, system->loss_count + 1);
    int count = 0;
    for (int i = 0; i < system->loss_count; i++)
        if (!system->losses[i].only_score) losses[count++] = (WeighedLoss){&system->losses[i], 1};
    step->updates = NEW_ARRAY(StepUpdate, system->network_count + 1);
    for (int i = 0; i < system->network_count; i++)
        if (!system->networks[i].frozen)
            step->updates[step->update_count++] = (StepUpdate){&system->networks[i], losses, count, system->networks[i].mark};
    const SpecNode *networks = builder->draft.networks;
    if (!count && builder->errors->count == 0)
        spec_error(builder->errors, networks->key->mark, networks->key->width,
                   "write `losses`, such as `losses: {reconstruction: {mse: [y, x]}}`", "nothing can be learned: there is no loss%s",
                   system->loss_count ? " without `only: score`" : "");
    if (!step->update_count && system->network_count)
        spec_error(builder->errors, networks->key->mark, networks->key->width, "remove `frozen` where weights are to be learned",
                   "every network is frozen: nothing is trained");
}

static void resolve_draws(System *system) {
    int draw = 0, batch = -1;
    for (int i = 0; i < system->step_count; i++) {
        TrainingStep *step = &system->steps[i];
        if (!step->kept) draw = i;
        if (step->batch != BATCH_SAME) batch = i;
        step->draw = draw;
        step->batch_of = batch;
    }
}

void read_steps(Builder *builder) {
    System *system = builder->system;
    const SpecNode *list = builder->draft.steps;
    if (list && list->kind == NODE_REFUSED) return;
    if (list && (list->kind != NODE_LIST || !list->count || list->count > SYSTEM_ENTRIES)) {
        spec_error(builder->errors, list->mark, list->width, "write such as `- update: {encoder: reconstruction}` for each",
                   "`steps` is a list of 1 to %d steps, not %s", SYSTEM_ENTRIES,
                   list->kind == NODE_LIST && list->count ? format("of %d", list->count) : given(list));
        return;
    }
    system->step_count = list ? list->count : 1;
    system->steps = NEW_ARRAY(TrainingStep, system->step_count);
    int index = 0;
    if (!list) default_step(builder);
    for (const SpecNode *item = list ? list->first : NULL; item; item = item->next) read_step(builder, item, index++);
    resolve_draws(system);
}
