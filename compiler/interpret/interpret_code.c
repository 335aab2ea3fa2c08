/* interpret_code.c: expressions as straight-line code on a machine, and its evaluation, each instruction for all lanes. */
#include "base/bfloat16.h"
#include "base/support.h"
#include "interpret/interpreter.h"

#include <math.h>
#include <string.h>

/* ---- growing tables ---- */

int machine_slot(Machine *machine, const Variable *variable) {
    bool added;
    long *slot = pointer_map_add(&machine->slot_of, variable, &added);
    if (!added) return (int)*slot;
    MAKE_ROOM(machine->slot, machine->slot_count, machine->slot_capacity);
    machine->slot[machine->slot_count] = (Slot){variable, UNBOUND};
    *slot = machine->slot_count;
    return machine->slot_count++;
}

/* ---- expressions → code ---- */

Index *machine_index(Machine *machine, const Affine *affine, int count) {
    Index *index = NEW_ARRAY(Index, count);
    for (int i = 0; i < count; i++) {
        index[i].constant = affine[i].constant;
        index[i].count = affine[i].count;
        index[i].term = NEW_ARRAY(IndexTerm, affine[i].count);
        for (int j = 0; j < affine[i].count; j++)
            index[i].term[j] = (IndexTerm){machine_slot(machine, affine[i].term[j].variable), affine[i].term[j].coefficient};
    }
    return index;
}

typedef struct Compilation {
    PointerMap position; /* node → its instruction */
    int count, capacity;
    Instruction *instruction;
} Compilation;

static int compile_node(Machine *machine, Compilation *compilation, const Expression *e) {
    long *known = pointer_map_find(&compilation->position, e);
    if (known) return (int)*known;
    Instruction instruction = {.kind = e->kind, .type = e->type, .constant = e->constant, .sum = e->sum};
    instruction.operand_count = expression_operands(e->kind);
    for (int i = 0; i < instruction.operand_count; i++) instruction.operand[i] = compile_node(machine, compilation, e->operand[i]);
    if (e->kind == EXPRESSION_LOAD) {
        instruction.memory = machine_memory(machine, e->buffer);
        instruction.index = machine_index(machine, e->index, e->buffer->rank);
    }
    MAKE_ROOM(compilation->instruction, compilation->count, compilation->capacity);
    compilation->instruction[compilation->count] = instruction;
    *pointer_map_add(&compilation->position, e, NULL) = compilation->count;
    return compilation->count++;
}

int machine_code(Machine *machine, const void *key, const Store *stores, int store_count, const Expression *value) {
    long *known = pointer_map_find(&machine->code_of, key);
    if (known) return (int)*known;
    Code code = {.result_count = value ? 1 : store_count};
    Compilation compilation = {0};
    if (value) code.result[0] = compile_node(machine, &compilation, value);
    for (int i = 0; i < store_count; i++) {
        const Store *store = &stores[i];
        if (store->buffer->space == SPACE_VIRTUAL)
            die("kernel %s: virtual buffer %s is stored to", machine->kernel->name, store->buffer->name);
        code.result[i] = compile_node(machine, &compilation, store->value);
        int memory = machine_memory(machine, store->buffer);
        code.target[i] = (StoreTarget){memory, machine_index(machine, store->index, store->buffer->rank), store->accumulate};
    }
    code.count = compilation.count;
    code.instruction = compilation.instruction;
    MAKE_ROOM(machine->code, machine->code_count, machine->code_capacity);
    machine->code[machine->code_count] = code;
    *pointer_map_add(&machine->code_of, key, NULL) = machine->code_count;
    return machine->code_count++;
}

/* ---- evaluation ---- */

/* An element of a virtual buffer: zero outside its shape, else its value with its own variables bound to the index. */
static double virtual_element(Machine *machine, int number, const long *at) {
    const Buffer *buffer = machine->memory[number].buffer;
    long kept[MAX_RANK];
    for (int i = 0; i < buffer->rank; i++)
        if (at[i] < 0 || at[i] >= buffer->shape[i]) return buffer->outside;
    if (machine->memory[number].busy) die("kernel %s: virtual buffer %s is defined by itself", machine->kernel->name, buffer->name);
    machine->memory[number].busy = true;
    const bool rest = buffer->rest && at[buffer->rest_dimension] >= buffer->rest_from;
    const int code = rest ? machine->memory[number].rest : machine->memory[number].code;
    for (int i = 0; i < buffer->rank; i++) {
        long *slot = &machine->slot[machine->memory[number].slot[i]].value;
        kept[i] = *slot;
        *slot = at[i];
    }
    machine_evaluate(machine, code);
    for (int i = 0; i < buffer->rank; i++) machine->slot[machine->memory[number].slot[i]].value = kept[i];
    machine->memory[number].busy = false;
    return machine->code[code].value[machine->code[code].result[0]];
}

/* Lane by lane: each may have a value of its own, or none. */
static void read_virtual(Machine *machine, int number, const Index *index, double *value) {
    const int rank = machine->memory[number].buffer->rank, slot = machine->lane_slot, lane = machine->lane;
    const long lanes = machine->lanes;
    long first[MAX_RANK], step[MAX_RANK], at[MAX_RANK];
    for (int i = 0; i < rank; i++) first[i] = index_value(machine, &index[i], &step[i]);
    machine->lanes = 1;
    machine->lane_slot = -1;
    for (int l = 0; l < lanes; l++) {
        if (slot >= 0) machine->slot[slot].value = machine->lane = l;
        for (int i = 0; i < rank; i++) at[i] = first[i] + step[i] * l;
        value[l] = virtual_element(machine, number, at);
    }
    if (slot >= 0) machine->slot[slot].value = UNBOUND;
    machine->lanes = lanes;
    machine->lane_slot = slot;
    machine->lane = lane;
}

/* exponent of 2 such that 1 ≤ a / 2^e < 2 */
static int exponent_of(double a) {
    int exponent;
    frexp(a, &exponent);
    return exponent - 1;
}

/* `result` of all lanes, from operands of all lanes. */
static void evaluate_numbers(const Instruction *instruction, const double *const *operand, long lanes, double *result) {
    const double *a = operand[0], *b = operand[1], *c = operand[2], *d = operand[3];
    const bool wide = instruction->type == TYPE_F64;
#define LANES(value)                                                                                                                       \
    for (long i = 0; i < lanes; i++) result[i] = value;                                                                                    \
    break
    switch (instruction->kind) {
    case EXPRESSION_ADD:
        LANES(a[i] + b[i]);
    case EXPRESSION_SUBTRACT:
        LANES(a[i] - b[i]);
    case EXPRESSION_MULTIPLY:
        LANES(a[i] * b[i]);
    case EXPRESSION_DIVIDE:
        LANES(a[i] / b[i]);
    case EXPRESSION_MAXIMUM:
        LANES(a[i] > b[i] ? a[i] : b[i]);
    case EXPRESSION_MINIMUM:
        LANES(a[i] < b[i] ? a[i] : b[i]);
    case EXPRESSION_MULTIPLY_ADD:
        LANES(wide ? fma(a[i], b[i], c[i]) : (double)fmaf((float)a[i], (float)b[i], (float)c[i]));
    case EXPRESSION_SQUARE_ROOT:
        LANES(sqrt(a[i]));
    case EXPRESSION_ABSOLUTE:
        LANES(fabs(a[i]));
    case EXPRESSION_NEGATE:
        LANES(-a[i]);
    case EXPRESSION_SELECT_GREATER:
        LANES(a[i] > b[i] ? c[i] : d[i]);
    case EXPRESSION_ROUND:
        LANES(rint(a[i]));
    case EXPRESSION_POWER_OF_TWO:
        LANES(ldexp(1, (int)a[i]));
    case EXPRESSION_EXPONENT:
        LANES(exponent_of(a[i]));
    case EXPRESSION_MANTISSA:
        LANES(ldexp(a[i], -exponent_of(a[i])));
    case EXPRESSION_WIDEN:
    case EXPRESSION_NARROW:
        LANES(a[i]);
    case EXPRESSION_PAIR:
        LANES((double)bfloat16_pair((float)a[i], (float)b[i]));
    case EXPRESSION_DOT:
        LANES((double)bfloat16_dot_add((uint32_t)a[i], (uint32_t)b[i], 0));
    case EXPRESSION_DOT_ADD:
        LANES((double)bfloat16_dot_add((uint32_t)a[i], (uint32_t)b[i], (float)c[i]));
    default:
        die("'%s' on numbers", expression_name(instruction->kind));
    }
#undef LANES
}

/* Floats that are held in double are rounded. That gives the bits of arithmetic in float: the exact result of one of these operations on
 * floats is never so near the middle between two floats that rounding to double first could matter. That of a multiply-add can be, so it
 * is rounded before. */
static void evaluate_operation(const Instruction *instruction, const double *values, long lanes, double *result) {
    const double *operand[4] = {0};
    for (int i = 0; i < instruction->operand_count; i++) operand[i] = values + instruction->operand[i] * lanes;
    evaluate_numbers(instruction, operand, lanes, result);
    if (instruction->type != TYPE_F32) return;
    for (long i = 0; i < lanes; i++) result[i] = (double)(float)result[i];
}

void machine_evaluate(Machine *machine, int number) {
    Code *code = &machine->code[number];
    const long lanes = machine->lanes;
    if (code->lanes < lanes) {
        code->value = NEW_ARRAY(double, code->count *lanes);
        code->lanes = lanes;
    }
    const Instruction *instruction = code->instruction;
    double *values = code->value, *value = values;
    for (int i = 0; i < code->count; i++, instruction++, value += lanes) {
        switch (instruction->kind) {
        case EXPRESSION_CONSTANT:
            for (long lane = 0; lane < lanes; lane++) value[lane] = instruction->constant;
            break;
        case EXPRESSION_SUM:
            for (long lane = 0; lane < lanes; lane++) value[lane] = machine->sum[instruction->sum];
            break;
        case EXPRESSION_LOAD:
            if (machine->memory[instruction->memory].buffer->space == SPACE_VIRTUAL) {
                read_virtual(machine, instruction->memory, instruction->index, value);
                break;
            }
            machine_offsets(machine, instruction->memory, instruction->index, machine->offset);
            machine_read(machine, instruction->memory, machine->offset, value);
            break;
        default:
            evaluate_operation(instruction, values, lanes, value);
            break;
        }
    }
}

void machine_assign(Machine *machine, int number) {
    machine_evaluate(machine, number);
    const Code *code = &machine->code[number];
    const long lanes = machine->lanes;
    if (lanes * code->result_count > MOST_LANES) die("kernel %s: a vector loop over %ld lanes", machine->kernel->name, lanes);
    for (int i = 0; i < code->result_count; i++) {
        const StoreTarget *target = &code->target[i];
        long *place = machine->place + i * lanes;
        double *stored = machine->stored + i * lanes;
        const double *result = code->value + code->result[i] * lanes;
        machine_offsets(machine, target->memory, target->index, place);
        memset(stored, 0, sizeof *stored * (size_t)lanes);
        if (target->accumulate) machine_read(machine, target->memory, place, stored);
        for (long lane = 0; lane < lanes; lane++) stored[lane] = target->accumulate ? result[lane] + stored[lane] : result[lane];
    }
    for (int i = 0; i < code->result_count; i++)
        machine_write(machine, code->target[i].memory, machine->place + i * lanes, machine->stored + i * lanes);
}
