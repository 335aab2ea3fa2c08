/* interpret.c: runs a kernel on memory, slowly and with every check: the reference for generated code and for schedules.
 *
 * A tree is run statement by statement, the lanes of a vector loop at once. Parallel iterations run one after another, each with scratch
 * and registers that start as NaN. The program ends if one iteration writes an element that another one touches, or if an index lies
 * outside of its buffer's shape. */
#include "interpret/interpret.h"
#include "interpret/interpreter.h"

#include <string.h>

static void run_assign(Machine *machine, const Statement *statement) {
    machine_assign(machine, machine_code(machine, statement, statement->store, statement->store_count, NULL));
}

static bool guard_holds(Machine *machine, const Statement *guard) {
    bool added;
    long *known = pointer_map_add(&machine->guard_of, guard, &added);
    if (added) {
        Affine value[sizeof guard->condition / sizeof *guard->condition];
        for (int i = 0; i < guard->condition_count; i++) value[i] = guard->condition[i].value;
        *known = (long)(intptr_t)machine_index(machine, value, guard->condition_count);
    }
    const Index *index = (const Index *)(intptr_t)*known;
    for (int i = 0; i < guard->condition_count; i++) {
        long step;
        const long value = index_value(machine, &index[i], &step);
        if (value < 0 || value >= guard->condition[i].limit) return false;
    }
    return true;
}

static void run(Machine *machine, const Statement *statement);

static void run_vector(Machine *machine, const Statement *loop, int slot) {
    machine->vector++;
    machine->lanes = loop->variable->extent;
    machine->lane_slot = slot;
    if (machine->lanes > MOST_LANES) die("kernel %s: a vector loop over %ld lanes", machine->kernel->name, machine->lanes);
    for (const Statement *statement = loop->body; statement; statement = statement->next) {
        if (statement->kind != STATEMENT_ASSIGN) die("kernel %s: a vector loop holds more than assignments", machine->kernel->name);
        run_assign(machine, statement);
    }
    machine->lanes = 1;
    machine->lane_slot = -1;
}

static void run_loop(Machine *machine, const Statement *loop) {
    int slot = machine_slot(machine, loop->variable);
    if (machine->slot[slot].value != UNBOUND) die("kernel %s: a loop over %s inside itself", machine->kernel->name, loop->variable->name);
    bool parallel = loop->loop == LOOP_PARALLEL, outermost = parallel && !machine->parallel;
    bool innermost = parallel && !(loop->body && loop->body->kind == STATEMENT_LOOP && loop->body->loop == LOOP_PARALLEL);
    if (outermost) {
        machine->parallel = true;
        machine->nest = machine->iteration;
    }
    if (loop->loop == LOOP_VECTOR) run_vector(machine, loop, slot);
    for (long i = 0; i < loop->variable->extent && loop->loop != LOOP_VECTOR; i++) {
        machine->slot[slot].value = parallel && machine->reverse ? loop->variable->extent - 1 - i : i;
        if (innermost) {
            machine->iteration++;
            machine_forget_locals(machine);
        }
        run(machine, loop->body);
    }
    machine->slot[slot].value = UNBOUND;
    if (!outermost) return;
    machine->parallel = false;
    machine_forget_locals(machine);
}

static void run(Machine *machine, const Statement *statement) {
    for (; statement; statement = statement->next) {
        switch (statement->kind) {
        case STATEMENT_LOOP:
            run_loop(machine, statement);
            break;
        case STATEMENT_ASSIGN:
            run_assign(machine, statement);
            break;
        case STATEMENT_GUARD:
            run(machine, guard_holds(machine, statement) ? statement->body : statement->other);
            break;
        case STATEMENT_PREFETCH:
            break;
        case STATEMENT_CALL:
            run(machine, statement->body);
            break;
        }
    }
}

void interpret_kernel(const Kernel *kernel, long time, bool reverse, BufferMemory memory, void *context) {
    Machine machine = {
        .kernel = kernel, .memory_of = memory, .context = context, .reverse = reverse, .lanes = 1, .lane_slot = -1, .lane = -1};
    arena_enter();
    if (kernel->time) {
        int slot = machine_slot(&machine, kernel->time);
        machine.slot[slot].value = time;
    }
    if (kernel->tree) {
        machine.scratch = arena_allocate((size_t)kernel->scratch_size + 1);
        machine_forget_locals(&machine);
        run(&machine, kernel->tree);
    } else run_computes(&machine);
    arena_leave();
}
