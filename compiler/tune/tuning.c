/* tuning.c: a target compiled with the choices of a tuning file. */
#include "tune/tuning.h"

#include "pipeline/pipeline.h"

#include <string.h>

const char *tuned_choices(const TargetCode *tuned, const TargetCode *plain) {
    Text text = {0};
    for (int i = 0; i < tuned->choice_count; i++) {
        const KernelChoice *choice = tuned->choice[i];
        const KernelChoice *other =
            find_choice((const KernelChoice *const *)plain->choice, plain->choice_count, choice->program, choice->kernel);
        const char *line = choice_text(choice);
        if (!other || strcmp(line, choice_text(other)) != 0) text_add(&text, "%s: %s\n", choice_key(choice), line);
    }
    return text.bytes ? text.bytes : "";
}

static const WantedChoices *wanted_of(const Tuning *tuning, const Target *target) {
    for (int i = 0; i < tuning->count; i++)
        if (tuning->target[i].target == target) return &tuning->target[i].wanted;
    return NULL;
}

TargetCode *compile_tuned(const TrainerGraphs *graphs, const Target *target, const Choices *choices, const Tuning *tuning, FILE *errors) {
    if (!tuning) return compile_graphs(graphs, target, choices);
    Choices wanted = *choices;
    wanted.wanted = wanted_of(tuning, target);
    TargetCode *code = compile_graphs(graphs, target, &wanted);
    if (!report_refusals(tuning, code, errors)) return NULL;
    const char *other = tuned_choices(code, compile_graphs(graphs, target, choices));
    if (*other) code->tuning = format("%016llx", (unsigned long long)hash_bytes(HASH_START, other, strlen(other)));
    return code;
}
