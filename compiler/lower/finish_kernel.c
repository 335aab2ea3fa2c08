/* The gate: a kernel is scheduled, unrolled and verified before a program calls it. */
#include "lower/finish_kernel.h"

#include "base/pass.h"
#include "loop/print_loop.h"
#include "loop/unroll.h"
#include "lower/choose.h"
#include "schedule/nontemporal.h"
#include "schedule/schedule.h"
#include "verify/verify.h"

#include <string.h>

static const char *schedule_words(const Kernel *kernel) {
    const Schedule *schedule = &kernel->schedule[0];
    static const char *const kinds[] = {"", " parallel", " unrolled", " lanes"};
    Text text = {0};
    for (int i = 0; i < schedule->levels; i++) {
        for (int s = 0; s < schedule->stages; s++)
            if (schedule->stage[s].level == i) text_add(&text, "stage %s | ", schedule->stage[s].buffer->name);
        if (i == schedule->accumulate) text_add(&text, "sum in registers | ");
        const Level *level = &schedule->level[i];
        text_add(&text, level->tile > 1 ? "%s in tiles of %ld" : "%s", level->variable, level->tile);
        text_add(&text, "%s%s", kinds[level->kind], i + 1 < schedule->levels ? ", " : "");
    }
    return text.bytes;
}

/* Why the kernel cannot be run as it was chosen to be. Of the cost model's choices that is a bug; what is wanted is for the caller to
 * judge.
 */
static void refuse_kernel(const Lowering *l, const Kernel *kernel, const char *why) {
    const int wanted = l->node ? wanted_number(l, l->node) : -1;
    if (wanted < 0) {
        if (kernel->tree) print_kernel(stderr, kernel);
        die("%s for %s: %s", kernel->name, l->target->name, why);
    }
    l->code->refused++;
    Answer *answer = &l->code->answer[wanted];
    if (!answer->why) answer->why = why;
}

/* Alone, whose tensors begin at cache lines. */
static bool writes_workspace(const Kernel *kernel) {
    for (int i = 0; i < kernel->compute_count; i++)
        for (int s = 0; s < kernel->compute[i].store_count; s++) {
            const Buffer *buffer = kernel->compute[i].store[s].buffer;
            if (buffer->space == SPACE_TENSOR && ((const Tensor *)buffer->owner)->place != PLACE_WORKSPACE) return false;
        }
    return true;
}

/* What a scan's kernels want once (a weight in pairs) is made before its loop, by the calls of its first node. */
static void add_call_before_scan(Lowering *l, const Kernel *kernel) {
    Program *program = l->program;
    add_call(program, kernel, NULL);
    memmove(&program->call[l->body_call + 1], &program->call[l->body_call],
            sizeof(KernelCall) * (size_t)(program->call_count - 1 - l->body_call));
    program->call[l->body_call++] = (KernelCall){kernel, NULL};
    for (int i = l->body_node; i <= l->node->id; i++) l->first_call[i]++;
}

void finish_kernel(Lowering *l, Kernel *kernel, Scan *scan) {
    const char *why = NULL;
    Text violation = text_begin(); /* outlives the verifier's memory */
    const Pass pass = begin_pass(PASS_SCHEDULE);
    if (l->node) kernel->layer = l->node->layer;
    for (int i = 0; i < kernel->compute_count; i++) kernel->schedule[i].lanes = l->target->lanes;
    if (schedule_kernel(kernel, &why)) {
        kernel->schedule_note = schedule_words(kernel);
        kernel->tree = unroll_loops(kernel->tree);
        if (l->target->nontemporal && kernel->read_late && writes_workspace(kernel)) mark_nontemporal(kernel->tree, l->target->lanes);
        begin_pass(PASS_VERIFY);
        arena_enter();
        why = verify_kernel(kernel, l->target->lanes);
        if (why) text_add(&violation, "%s", why);
        arena_leave();
    }
    begin_pass(pass);
    if (why) refuse_kernel(l, kernel, violation.length ? violation.bytes : why);
    else if (!scan && l->body) add_call_before_scan(l, kernel);
    else add_call(l->program, kernel, scan);
}
