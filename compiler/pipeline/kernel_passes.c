/* kernel_passes.c: every kernel of a target is scheduled, unrolled and verified. Each is looked at once, in the order in which they were
 * lowered, however many programs call it. */
#include "pipeline/kernel_passes.h"

#include "loop/print_loop.h"
#include "loop/unroll.h"
#include "schedule/nontemporal.h"
#include "schedule/schedule.h"
#include "verify/verify.h"

static const char *schedule_words(const Kernel *kernel) {
    const Schedule *schedule = &kernel->schedule[0];
    static const char *const kinds[] = {"", " parallel", " unrolled", " lanes"};
    Text text = {0};
    for (int i = 0; i < schedule->levels; i++) {
        for (int s = 0; s < schedule->stages; s++)
            if (schedule->stage[s].level == i) text_add(&text, "stage %s | ", schedule->stage[s].buffer->name);
        if (i == schedule->accumulate) text_add(&text, schedule->call ? "by a call of sgemm | " : "sum in registers | ");
        const Level *level = &schedule->level[i];
        text_add(&text, level->tile > 1 ? "%s in tiles of %ld" : "%s", level->variable, level->tile);
        text_add(&text, "%s%s", kinds[level->kind], i + 1 < schedule->levels ? ", " : "");
    }
    return text.bytes;
}

/* ---- what cannot be run ---- */

static void refuse_kernel(TargetCode *code, const TargetKernel *refused, const char *why) {
    Kernel *kernel = refused->kernel;
    if (refused->wanted < 0) {
        if (kernel->tree) print_kernel(stderr, kernel);
        die("%s for %s: %s", kernel->name, code->target->name, why);
    }
    code->refused++;
    kernel->tree = NULL;
    Answer *answer = &code->answer[refused->wanted];
    if (!answer->why) answer->why = why;
}

static void take_out_refused(Program *program) {
    int kept = 0, node = 0;
    for (int i = 0; i < program->call_count; i++) {
        for (; program->graph && node <= program->graph->node_count && program->first_call[node] == i; node++)
            program->first_call[node] = kept;
        if (program->call[i].kernel->tree) program->call[kept++] = program->call[i];
    }
    for (; program->graph && node <= program->graph->node_count; node++) program->first_call[node] = kept;
    program->call_count = kept;
}

/* Only kernels of nodes can be refused, and these programs are all that have some. */
static void take_out_all_refused(TargetCode *code) {
    for (int i = 0; code->refused && i < code->program_count; i++) take_out_refused(code->program[i]);
}

/* ---- schedule ---- */

/* Workspace alone, whose tensors begin at cache lines. */
static bool writes_workspace(const Kernel *kernel) {
    for (int i = 0; i < kernel->compute_count; i++)
        for (int s = 0; s < kernel->compute[i].store_count; s++) {
            const Buffer *buffer = kernel->compute[i].store[s].buffer;
            if (buffer->space == SPACE_TENSOR && ((const Tensor *)buffer->owner)->place != PLACE_WORKSPACE) return false;
        }
    return true;
}

void schedule_kernels(TargetCode *code) {
    const Target *target = code->target;
    for (int i = 0; i < code->kernel_count; i++) {
        Kernel *kernel = code->kernel[i].kernel;
        const char *why = NULL;
        for (int c = 0; c < kernel->compute_count; c++) kernel->schedule[c].lanes = target->lanes;
        if (!schedule_kernel(kernel, &why)) {
            refuse_kernel(code, &code->kernel[i], why);
            continue;
        }
        kernel->schedule_note = schedule_words(kernel);
        kernel->tree = unroll_loops(kernel->tree);
        if (target->nontemporal && kernel->read_late && writes_workspace(kernel)) mark_nontemporal(kernel->tree, target->lanes);
    }
    take_out_all_refused(code);
}

/* ---- verify ---- */

void verify_kernels(TargetCode *code) {
    for (int i = 0; i < code->kernel_count; i++) {
        const Kernel *kernel = code->kernel[i].kernel;
        if (!kernel->tree) continue;   /* it is refused already */
        Text violation = text_begin(); /* outlives the verifier's memory */
        arena_enter();
        const char *why = verify_kernel(kernel, code->target->lanes);
        if (why) text_add(&violation, "%s", why);
        arena_leave();
        if (why) refuse_kernel(code, &code->kernel[i], violation.bytes);
    }
    take_out_all_refused(code);
}
