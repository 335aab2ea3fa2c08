/* system_optimizers.c: one optimizer for each network. */
#include "spec/system_internal.h"

#include <stdlib.h>
#include <string.h>

static int compare_iterations(const void *left, const void *right) {
    const long a = *(const long *)left, b = *(const long *)right;
    return a < b ? -1 : a > b;
}

static bool read_falls(Builder *builder, const SpecNode *list, LearningSchedule *schedule) {
    static const Key key = {.name = "at", .type = KEY_LONG, .minimum = 0, .maximum = SPEC_WHOLE_LIMIT};
    bool read = true;
    if (list->kind == NODE_REFUSED) return false;
    if (list->kind != NODE_LIST || !list->count || list->count > SYSTEM_ENTRIES) {
        spec_error(builder->errors, list->mark, list->width, "write such as `at: [10000, 20000]`",
                   "`at` is a list of 1 to %d whole numbers, not %s", SYSTEM_ENTRIES, given(list));
        return false;
    }
    schedule->at = NEW_ARRAY(long, list->count);
    for (const SpecNode *item = list->first; item; item = item->next)
        read &= read_value(builder->errors, &key, item, &schedule->at[schedule->at_count++]);
    qsort(schedule->at, (size_t)schedule->at_count, sizeof *schedule->at, compare_iterations);
    return read;
}

bool read_optimizer(Builder *builder, const SpecNode *node, Optimizer *optimizer) {
    OptimizerDraft draft = {0};
    bool read = read_section(builder->reading, SECTION_NETWORK_OPTIMIZER, node ? node->key : NULL, node, &draft);
    if (draft.at) read &= read_falls(builder, draft.at, &draft.optimizer.schedule);
    if (read && draft.optimizer.nesterov && draft.optimizer.momentum == 0) {
        const SpecNode *nesterov = find_child(node, "nesterov");
        spec_error(builder->errors, nesterov->mark, nesterov->width, "write `momentum: 0.9` beside it", "`nesterov` without `momentum`");
        read = false;
    }
    *optimizer = draft.optimizer;
    return read;
}

static void give(Network *network, const Optimizer *optimizer) {
    if (network->frozen) return;
    network->optimizer = NEW(Optimizer);
    *network->optimizer = *optimizer;
}

static void read_each(Builder *builder) {
    System *system = builder->system;
    const SpecNode **entries = NULL, *section = builder->draft.optimizers;
    const int before = builder->errors->count, count = named_entries(builder->errors, "optimizers", "an optimizer", section, &entries);
    Optimizer all = {0};
    bool has_all = false;
    for (int i = 0; i < count; i++) {
        const SpecNode *key = entries[i]->key;
        Optimizer optimizer;
        const bool for_all = !strcmp(key->text, "all");
        const int index = for_all ? 0 : find_among(builder->errors, key, "network", network_names(builder));
        if (!read_optimizer(builder, entries[i], &optimizer) || index < 0) continue;
        if (for_all) all = optimizer, has_all = true;
        else if (system->networks[index].frozen)
            spec_error(builder->errors, key->mark, key->width, "remove it", "`%s` is frozen: it has no optimizer", key->text);
        else give(&system->networks[index], &optimizer);
    }
    for (int i = 0; i < system->network_count; i++) {
        Network *network = &system->networks[i];
        if (network->optimizer || network->frozen) continue;
        if (has_all) give(network, &all);
        else if (builder->errors->count == before)
            spec_error(builder->errors, section->key->mark, section->key->width, format("add `%s: {…}`, or `all: {…}`", network->name),
                       "`%s` has no optimizer", network->name);
    }
}

void read_optimizers(Builder *builder) {
    System *system = builder->system;
    const SystemDraft *draft = &builder->draft;
    if (draft->optimizer && draft->optimizers) {
        spec_error(builder->errors, draft->optimizers->key->mark, draft->optimizers->key->width,
                   "write `all: {…}` in `optimizers`, and remove `optimizer`", "`optimizers` beside `optimizer`");
        return;
    }
    if (draft->optimizers) {
        read_each(builder);
        return;
    }
    Optimizer optimizer;
    read_optimizer(builder, draft->optimizer, &optimizer);
    for (int i = 0; i < system->network_count; i++) give(&system->networks[i], &optimizer);
}
