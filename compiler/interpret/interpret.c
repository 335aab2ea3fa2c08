/* interpret.c: runs a kernel on memory, slowly and with every check: the reference for generated code and for schedules.
 *
 * A tree is run statement by statement, the lanes of a vector loop at once. Parallel iterations run one after another, each with scratch
 * and registers that start as NaN. The program ends if one iteration writes an element that another one touches, or if an index lies
 * outside of its buffer's shape. */
#include "interpret/interpret.h"
#include "interpret/interpreter.h"

#include <string.h>

/* All stores of an assignment, for all lanes: values first, then memory. `slot`: the lane variable's; lanes 1 without one. */
static void run_assign(Machine *machine, const Statement *statement, long lanes, int slot) {
    int number = machine_code(machine, statement, statement->store, statement->store_count, NULL);
    int count = statement->store_count;
    enum { MOST = 1024 };
    long offset[MOST];
    double value[MOST];
    if (lanes * count > MOST) die("kernel %s: a vector loop over %ld lanes", machine->kernel->name, lanes);
    for (long lane = 0; lane < lanes; lane++) {
        if (slot >= 0) machine->slot[slot].value = machine->lane = lane;
        machine_evaluate(machine, number);
        const Code *code = &machine->code[number];
        for (int i = 0; i < count; i++) {
            const StoreTarget *target = &code->target[i];
            long at = offset[lane * count + i] = machine_offset(machine, target->memory, target->index);
            double result = code->value[code->result[i]];
            if (target->accumulate) result += machine_read(machine, target->memory, at);
            value[lane * count + i] = result;
        }
    }
    for (long lane = 0; lane < lanes; lane++) {
        if (slot >= 0) machine->lane = lane;
        for (int i = 0; i < count; i++)
            machine_write(machine, machine->code[number].target[i].memory, offset[lane * count + i], value[lane * count + i]);
    }
    machine->lane = -1;
}

static long affine_value(Machine *machine, const Affine *affine) {
    long value = affine->constant;
    for (int i = 0; i < affine->count; i++) {
        long variable = machine->slot[machine_slot(machine, affine->term[i].variable)].value;
        if (variable == UNBOUND) die("kernel %s: a guard uses %s outside its loop", machine->kernel->name, affine->term[i].variable->name);
        value += affine->term[i].coefficient * variable;
    }
    return value;
}

static bool guard_holds(Machine *machine, const Statement *guard) {
    for (int i = 0; i < guard->condition_count; i++) {
        long value = affine_value(machine, &guard->condition[i].value);
        if (value < 0 || value >= guard->condition[i].limit) return false;
    }
    return true;
}

static void run(Machine *machine, const Statement *statement);

static void run_vector(Machine *machine, const Statement *loop, int slot) {
    machine->vector++;
    for (const Statement *statement = loop->body; statement; statement = statement->next) {
        if (statement->kind != STATEMENT_ASSIGN) die("kernel %s: a vector loop holds more than assignments", machine->kernel->name);
        run_assign(machine, statement, loop->variable->extent, slot);
    }
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
            run_assign(machine, statement, 1, -1);
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
    Machine machine = {.kernel = kernel, .memory_of = memory, .context = context, .reverse = reverse, .lane = -1};
    if (kernel->time) {
        int slot = machine_slot(&machine, kernel->time);
        machine.slot[slot].value = time;
    }
    if (!kernel->tree) {
        run_computes(&machine);
        return;
    }
    machine.scratch = arena_allocate((size_t)kernel->scratch_size + 1);
    machine_forget_locals(&machine);
    run(&machine, kernel->tree);
}
