#include "tuning.h"

#include <string.h>

Tuning *new_tuning(const Target *target) {
    Tuning *tuning = NEW(Tuning);
    MAKE_ROOM(tuning->target, tuning->count, tuning->capacity);
    tuning->target[tuning->count++].target = target;
    return tuning;
}

TuningEntry *add_entry(TuningTarget *target, const char *kernel) {
    MAKE_ROOM(target->entry, target->count, target->capacity);
    TuningEntry *entry = &target->entry[target->count++];
    *entry = (TuningEntry){.kernel = kernel, .algorithm.number = ALGORITHM_ANY};
    return entry;
}

void set_value(TuningEntry *entry, ChoiceField field, long value) {
    int i = 0;
    while (i < entry->count && entry->value[i].field != field) i++;
    if (i == entry->count) entry->count++;
    entry->value[i] = (TuningValue){.field = field, .value = value};
}

const char *tuned_choices(const TargetCode *tuned, const TargetCode *plain) {
    Text text = {0};
    for (int i = 0; i < tuned->choice_count; i++) {
        const KernelChoice *choice = tuned->choice[i];
        const KernelChoice *other = find_choice((const KernelChoice *const *)plain->choice, plain->choice_count, choice->kernel);
        const char *line = choice_text(choice);
        if (!other || strcmp(line, choice_text(other)) != 0) text_add(&text, "%s: %s\n", choice->kernel, line);
    }
    return text.bytes ? text.bytes : "";
}

TargetCode *lower_tuned(const Graph *training, const Graph *evaluation, const Target *target, const Choices *choices, FILE *errors) {
    TargetCode *code = lower_model(training, evaluation, target, choices);
    if (!choices->tuning) return code;
    if (!finish_tuning(choices->tuning, code, errors)) return NULL;
    Choices untuned = *choices;
    untuned.tuning = NULL;
    const char *other = tuned_choices(code, lower_model(training, evaluation, target, &untuned));
    if (*other) code->tuning = format("%016llx", (unsigned long long)hash_bytes(HASH_START, other, strlen(other)));
    return code;
}
