/* tune_candidates.c: the candidates. Those of a kernel differ from its best so far in one value, one step up or down. A program is lowered
 * in which every kernel has its i-th candidate, and the new choices in it are kept. Values that are not legal together are replaced by the
 * cost model's. */
#include "tune/tune_candidates.h"

#include "lower/program_heads.h"
#include "pipeline/pipeline.h"

#include <math.h>
#include <string.h>

static bool is_there(const TunedKernel *kernel, const char *text) {
    for (int i = 0; i < kernel->count; i++)
        if (strcmp(kernel->candidate[i].text, text) == 0) return true;
    return false;
}

static void add_candidate(TunedKernel *kernel, const KernelChoice *choice) {
    MAKE_ROOM(kernel->candidate, kernel->count, kernel->capacity);
    kernel->candidate[kernel->count++] = (Candidate){.choice = *choice, .text = choice_text(choice), .time = INFINITY};
}

/* ---- lowering with requests ---- */

static TargetCode *lower_with(const Tuner *tuner, const WantedChoices *wanted) {
    Choices choices = tuner->choices;
    choices.wanted = wanted;
    return compile_graphs(&tuner->model->graphs, tuner->target, &choices);
}

/* The kernel in the list of requests, still without any. */
static WantedKernel *ask(const Tuner *tuner, WantedChoices *list, int kernel) {
    WantedKernel *wanted = want_kernel(list, tuner->kernel[kernel].name);
    if (tuner->programs > 1) wanted->program = tuner->program[tuner->kernel[kernel].program];
    return wanted;
}

static WantedKernel *ask_for(const Tuner *tuner, WantedChoices *list, int kernel, const KernelChoice *choice) {
    WantedKernel *wanted = ask(tuner, list, kernel);
    wanted->algorithm = choice->algorithm;
    for (int i = 0; i < choice->count; i++) wanted->value[choice->chosen[i].field] = choice->chosen[i].value;
    return wanted;
}

TargetCode *lower_picked(const Tuner *tuner, const int *pick) {
    WantedChoices *wanted = NEW(WantedChoices); /* the code keeps it */
    for (int k = 0; k < tuner->count; k++)
        if (pick[k] != 0) ask_for(tuner, wanted, k, &tuner->kernel[k].candidate[pick[k]].choice);
    return lower_with(tuner, wanted);
}

/* Room for the choices of all programs: there are at most as many as nodes. */
static KernelChoice *new_choices(const TrainerGraphs *graphs) {
    int nodes = 0;
    for (int i = 0; i < graphs->step_count; i++) nodes += graphs->step[i]->node_count;
    if (graphs->evaluation) nodes += graphs->evaluation->node_count;
    if (graphs->search) nodes += graphs->search->node_count;
    return NEW_ARRAY(KernelChoice, nodes);
}

static int program_of_choice(const Tuner *tuner, const KernelChoice *choice) {
    int p = 0;
    while (choice->program && strcmp(choice->program, tuner->program[p]) != 0) p++;
    return p;
}

/* Lowers, and copies the choices. The memory of the target, which is much larger, is freed. Returns the number of choices; −1 if some were
 * refused. */
static int choices_with(const Tuner *tuner, const WantedChoices *wanted, KernelChoice *choices, int *calls) {
    arena_enter();
    const TargetCode *code = lower_with(tuner, wanted);
    const int count = code->refused ? -1 : code->choice_count;
    for (int i = 0; i < count; i++) {
        choices[i] = *code->choice[i];
        if (choices[i].program) choices[i].program = tuner->program[program_of_choice(tuner, code->choice[i])]; /* which outlives it */
    }
    *calls = 0;
    for (int p = 0; p < code->program_count; p++) *calls += code->program[p]->tuned ? code->program[p]->call_count : 0;
    arena_leave();
    return count;
}

static void find_programs(Tuner *tuner) {
    int most;
    const ProgramHead *head = program_heads(&tuner->model->graphs, &most);
    bool *tuned = NEW_ARRAY(bool, most);
    arena_enter();
    const TargetCode *code = lower_with(tuner, NULL);
    for (int p = 0; p < most; p++) tuned[p] = code->program[p]->tuned;
    arena_leave();
    tuner->program = NEW_ARRAY(const char *, most);
    tuner->number = NEW_ARRAY(int, most);
    for (int p = 0; p < most; p++) {
        if (!tuned[p]) continue;
        tuner->number[tuner->programs] = p;
        tuner->program[tuner->programs++] = head[p].name;
    }
}

Tuner *new_tuner(const Model *model, const Target *target, Choices choices) {
    Tuner *tuner = NEW(Tuner);
    *tuner = (Tuner){.model = model, .target = target, .choices = choices};
    find_programs(tuner);
    KernelChoice *chosen = new_choices(&model->graphs);
    tuner->count = choices_with(tuner, NULL, chosen, &tuner->calls);
    tuner->kernel = NEW_ARRAY(TunedKernel, tuner->count);
    for (int k = 0; k < tuner->count; k++) {
        tuner->kernel[k].name = chosen[k].kernel;
        tuner->kernel[k].program = program_of_choice(tuner, &chosen[k]);
        add_candidate(&tuner->kernel[k], &chosen[k]);
    }
    return tuner;
}

int find_tuned(const Tuner *tuner, int program, const char *kernel) {
    for (int k = 0; k < tuner->count; k++)
        if (tuner->kernel[k].program == program && strcmp(tuner->kernel[k].name, kernel) == 0) return k;
    return -1;
}

/* ---- neighbours ---- */

enum { WISHES = 6 * MAX_CHOSEN };

typedef struct Wish { /* the best choice with one value changed */
    ChoiceField field;
    long value;
} Wish;

/* The legal value nearest to `factor` / 2 times the chosen one, on its way from there; 0 if there is none in this direction. */
static long stepped(const Chosen *chosen, int factor) {
    const int step = factor > 2 ? 1 : -1;
    const long far = chosen->value * factor / 2;
    long value = next_legal(&chosen->legal, chosen->value, step), further = value;
    while (further != 0 && (step > 0 ? further <= far : further >= far)) {
        value = further;
        further = next_legal(&chosen->legal, further, step);
    }
    return value;
}

/* Lists the values to try: doubled and halved first, then half as much more, then the next legal ones up and down. */
static int list_wishes(const KernelChoice *choice, Wish *wishes) {
    static const int factors[] = {4, 1, 3};
    int count = 0;
    for (int pass = 0; pass < 5; pass++)
        for (int i = 0; i < choice->count; i++) {
            const Chosen *chosen = &choice->chosen[i];
            const long value = pass < 3 ? stepped(chosen, factors[pass]) : next_legal(&chosen->legal, chosen->value, pass == 3 ? 1 : -1);
            bool new = value != 0;
            for (int w = 0; w < count; w++) new = new && !(wishes[w].field == chosen->field && wishes[w].value == value);
            if (new &&count < WISHES) wishes[count++] = (Wish){chosen->field, value};
        }
    return count;
}

/* Keeps those of the kernels' choices in a program that are new. */
static void keep_new(Tuner *tuner, const WantedChoices *wanted, int most, const int *start) {
    KernelChoice *chosen = new_choices(&tuner->model->graphs);
    int calls;
    const int count = choices_with(tuner, wanted, chosen, &calls);
    for (int i = 0; i < count; i++) {
        const int k = find_tuned(tuner, program_of_choice(tuner, &chosen[i]), chosen[i].kernel);
        if (k < 0 || tuner->kernel[k].count - start[k] >= most) continue;
        if (!is_there(&tuner->kernel[k], choice_text(&chosen[i]))) add_candidate(&tuner->kernel[k], &chosen[i]);
    }
}

int add_candidates(Tuner *tuner, int most, bool algorithms) {
    typedef struct Wishes {
        int count;
        Wish wish[WISHES];
    } Wishes;
    Wishes *wishes = NEW_ARRAY(Wishes, tuner->count);
    int *start = NEW_ARRAY(int, tuner->count), longest = 0, added = 0;
    for (int k = 0; k < tuner->count; k++) {
        const TunedKernel *kernel = &tuner->kernel[k];
        start[k] = kernel->count;
        wishes[k].count = list_wishes(&kernel->candidate[kernel->best].choice, wishes[k].wish);
        longest = (int)maximum(longest, wishes[k].count);
    }
    for (int a = 0; algorithms && a < ALGORITHMS; a++) {
        if (a == ALGORITHM_BLAS && !tuner->blas) continue;
        WantedChoices wanted = {0};
        for (int k = 0; k < tuner->count; k++) ask(tuner, &wanted, k)->algorithm = (Algorithm)a;
        keep_new(tuner, &wanted, most, start);
    }
    for (int w = 0; w < longest; w++) {
        WantedChoices list = {0};
        for (int k = 0; k < tuner->count; k++) {
            const TunedKernel *kernel = &tuner->kernel[k];
            WantedKernel *wanted = ask_for(tuner, &list, k, &kernel->candidate[kernel->best].choice);
            if (w < wishes[k].count) wanted->value[wishes[k].wish[w].field] = wishes[k].wish[w].value;
        }
        keep_new(tuner, &list, most, start);
    }
    for (int k = 0; k < tuner->count; k++) added = (int)maximum(added, tuner->kernel[k].count - start[k]);
    return added;
}
