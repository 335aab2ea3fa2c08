/* choice.c: which values of a choice are legal, which are requested, and which is chosen. */
#include "lower/choice.h"

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

/* ---- legal values ---- */

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

/* ---- requests ---- */

WantedKernel *want_kernel(WantedChoices *wanted, const char *kernel) {
    MAKE_ROOM(wanted->kernel, wanted->count, wanted->capacity);
    WantedKernel *added = &wanted->kernel[wanted->count++];
    *added = (WantedKernel){.kernel = kernel, .algorithm = ALGORITHM_ANY};
    return added;
}

int find_wanted(const WantedChoices *wanted, const char *program, const char *kernel) {
    int of_all = -1;
    for (int i = 0; wanted && i < wanted->count; i++) {
        const WantedKernel *one = &wanted->kernel[i];
        if (strcmp(one->kernel, kernel) != 0) continue;
        if (!one->program) of_all = i;
        else if (program && strcmp(one->program, program) == 0) return i;
    }
    return of_all;
}

const Choices default_choices = {.filtering = 2};

/* ---- choosing ---- */

/* The cost model's value, or the nearest legal one: earlier requested values may have made it illegal. */
static long legal_model(const KernelChoice *choice, ChoiceField field, long model, const Legal *legal) {
    long value = model;
    if (!is_legal(legal, value)) value = next_legal(legal, minimum(value, legal->most + 1), -1);
    if (value == 0) value = next_legal(legal, 0, 1);
    if (value == 0 || (!choice->wanted && value != model))
        die("%s for %s: `%s` cannot be %ld (%s)", choice->kernel, choice->target->name, field_names[field], model, legal_text(legal));
    return value;
}

long choose(KernelChoice *choice, ChoiceField field, long model, Legal legal) {
    long value = legal_model(choice, field, model, &legal);
    const long wanted = choice->wanted ? choice->wanted->value[field] : 0;
    if (wanted && is_legal(&legal, wanted)) value = wanted;
    if (wanted && !choice->answer->has[field]) {
        choice->answer->has[field] = true;
        choice->answer->legal[field] = legal;
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

const char *choice_key(const KernelChoice *choice) {
    return choice->program ? format("%s.%s", choice->program, choice->kernel) : choice->kernel;
}

const KernelChoice *find_choice(const KernelChoice *const *list, int count, const char *program, const char *kernel) {
    for (int i = 0; i < count; i++)
        if (strcmp(list[i]->kernel, kernel) == 0 && (!program || !list[i]->program || strcmp(list[i]->program, program) == 0))
            return list[i];
    return NULL;
}
