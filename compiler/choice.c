#include "choice.h"

#include "lower.h"
#include "recompute.h"
#include "tuning.h"

#include <string.h>

const char *const algorithm_names[ALGORITHMS + 1] = {
#define X(id, name, meaning) name,
    CHOICE_ALGORITHMS(X)
#undef X
};
const char *const algorithm_meanings[ALGORITHMS] = {
#define X(id, name, meaning) meaning,
    CHOICE_ALGORITHMS(X)
#undef X
};
const char *const field_names[FIELDS + 1] = {
#define X(id, name, meaning) name,
    CHOICE_FIELDS(X)
#undef X
};
const char *const field_meanings[FIELDS] = {
#define X(id, name, meaning) meaning,
    CHOICE_FIELDS(X)
#undef X
};

/* ---- what is legal ---- */

bool is_legal(const Legal *legal, long value) {
    if (value < 1 || value > legal->most) return false;
    if (legal->divides > 0 && legal->divides % value != 0) return false;
    return legal->multiple <= 1 || value % legal->multiple == 0 || (legal->ragged && value == legal->most);
}

long next_legal(const Legal *legal, long value, int step) {
    for (value += step; value >= 1 && value <= legal->most; value += step)
        if (is_legal(legal, value)) return value;
    return 0;
}

const char *legal_text(const Legal *legal) {
    enum { SHOWN = 12 };
    Text list = {0};
    int count = 0;
    for (long value = next_legal(legal, 0, 1); value > 0; value = next_legal(legal, value, 1))
        if (++count <= SHOWN) text_add(&list, "%s%ld", count > 1 ? ", " : "", value);
    if (count > SHOWN && legal->divides > 0)
        list.bytes = format("%s, …: what divides %ld, up to %ld", list.bytes, legal->divides, legal->most);
    else if (count > SHOWN && legal->multiple > 1)
        list.bytes = format("the multiples of %ld up to %ld%s", legal->multiple, legal->most, legal->ragged ? ", and that" : "");
    else if (count > SHOWN || count == legal->most) list.bytes = format(legal->most == 1 ? "%d" : "%d to %ld", 1, legal->most);
    return legal->registers ? format("%s; more does not fit into %d registers", list.bytes, legal->registers) : list.bytes;
}

/* ---- choosing ---- */

static TuningEntry *find_entry(const Lowering *l, const char *kernel) {
    return l->choices->tuning ? tuning_entry(l->choices->tuning, l->target, first_name(kernel)) : NULL; /* computed again: as the first */
}

Algorithm wanted_algorithm(const Lowering *l, const char *kernel) {
    const TuningEntry *entry = find_entry(l, kernel);
    return entry ? entry->algorithm.number : ALGORITHM_ANY;
}

KernelChoice *begin_choice(const Lowering *l, const char *kernel, Algorithm algorithm) {
    KernelChoice *choice = NEW(KernelChoice);
    *choice = (KernelChoice){.kernel = kernel, .algorithm = algorithm, .lowering = l, .entry = find_entry(l, kernel)};
    TargetCode *code = l->code;
    if (l->program->tuned && first_name(kernel) == kernel) {
        MAKE_ROOM(code->choice, code->choice_count, code->choice_capacity);
        code->choice[code->choice_count++] = choice;
    }
    TuningEntry *entry = choice->entry;
    if (!entry || entry->used) return choice;
    entry->used = true;
    entry->refused = entry->algorithm.number != ALGORITHM_ANY && entry->algorithm.number != algorithm;
    const bool larger_tiles = entry->algorithm.number == ALGORITHM_FILTERED_4 && l->choices->filtering == 2;
    if (entry->refused)
        tuning_error(l->choices->tuning, &entry->algorithm.place,
                     larger_tiles ? "tiles of 4 outputs have to be allowed by `--filtering 4`"
                                  : format("it can be `%s`; so it is where `algorithm` is left out", algorithm_names[algorithm]),
                     "`%s` cannot be run by `%s` on %s", kernel, algorithm_names[entry->algorithm.number], l->target->name);
    return choice;
}

long choose(KernelChoice *choice, ChoiceField field, long model, Legal legal) {
    const Lowering *l = choice->lowering;
    TuningEntry *entry = choice->entry;
    long value = model;
    if (!is_legal(&legal, value)) value = next_legal(&legal, minimum(value, legal.most + 1), -1);
    if (value == 0) value = next_legal(&legal, 0, 1);
    if (value == 0 || (!entry && value != model))
        die("%s for %s: `%s` cannot be %ld (%s)", choice->kernel, l->target->name, field_names[field], model, legal_text(&legal));
    for (int i = 0; entry && i < entry->count; i++) {
        TuningValue *wanted = &entry->value[i];
        if (wanted->field != field) continue;
        if (is_legal(&legal, wanted->value)) value = wanted->value;
        else if (!wanted->used && !entry->refused)
            tuning_error(l->choices->tuning, &wanted->place, format("legal here: %s", legal_text(&legal)),
                         "`%s` cannot be %ld in `%s` on %s", field_names[field], wanted->value, choice->kernel, l->target->name);
        wanted->used = true;
    }
    if (choice->count == MAX_CHOSEN) die("more than %d choices in %s", MAX_CHOSEN, choice->kernel);
    choice->chosen[choice->count++] = (Chosen){field, value, legal};
    return value;
}

const char *choice_text(const KernelChoice *choice) {
    Text text = {0};
    text_add(&text, "{algorithm: %s", algorithm_names[choice->algorithm]);
    for (int i = 0; i < choice->count; i++) text_add(&text, ", %s: %ld", field_names[choice->chosen[i].field], choice->chosen[i].value);
    text_add(&text, "}");
    return text.bytes;
}

const KernelChoice *find_choice(const KernelChoice *const *list, int count, const char *kernel) {
    for (int i = 0; i < count; i++)
        if (strcmp(list[i]->kernel, kernel) == 0) return list[i];
    return NULL;
}
