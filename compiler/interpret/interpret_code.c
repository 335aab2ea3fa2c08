/* interpret_code.c: expressions as straight-line code on a machine, and the memory it works on, with all its checks. */
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

static void *allocate_elements(Machine *machine, const Buffer *buffer) {
    size_t size = (size_t)buffer->layout.size * (size_t)type_size(buffer->type);
    if (buffer->space == SPACE_TENSOR) {
        void *elements = machine->memory_of(buffer, machine->context);
        if (!elements) die("kernel %s: buffer %s has no memory", machine->kernel->name, buffer->name);
        return elements;
    }
    if (buffer->space == SPACE_SCRATCH && machine->scratch) {
        if (buffer->offset < 0 || buffer->offset + (long)size > machine->kernel->scratch_size)
            die("kernel %s: scratch buffer %s ends at byte %ld of %ld", machine->kernel->name, buffer->name, buffer->offset + (long)size,
                machine->kernel->scratch_size);
        return machine->scratch + buffer->offset;
    }
    void *elements = arena_allocate(size);
    memset(elements, 0xff, size); /* NaN, as float and as double */
    return elements;
}

static int machine_memory(Machine *machine, const Buffer *buffer) {
    bool added;
    long *place = pointer_map_add(&machine->memory_index, buffer, &added);
    if (!added) return (int)*place;
    int number = machine->memory_count;
    MAKE_ROOM(machine->memory, machine->memory_count, machine->memory_capacity);
    machine->memory_count++;
    *place = number;
    Memory memory = {.buffer = buffer};
    if (buffer->space == SPACE_VIRTUAL) {
        for (int i = 0; i < buffer->rank; i++) memory.slot[i] = machine_slot(machine, buffer->index[i]);
        memory.code = machine_code(machine, buffer->value, NULL, 0, buffer->value);
        if (buffer->rest) memory.rest = machine_code(machine, buffer->rest, NULL, 0, buffer->rest);
    } else {
        memory.elements = allocate_elements(machine, buffer);
        memory.shadow = NEW_ARRAY(Shadow, buffer->layout.size);
    }
    machine->memory[number] = memory;
    return number;
}

void machine_forget_locals(Machine *machine) {
    if (machine->scratch) memset(machine->scratch, 0xff, (size_t)machine->kernel->scratch_size);
    for (int i = 0; i < machine->memory_count; i++) {
        const Buffer *buffer = machine->memory[i].buffer;
        if (buffer->space == SPACE_REGISTER || (buffer->space == SPACE_SCRATCH && !machine->scratch))
            memset(machine->memory[i].elements, 0xff, (size_t)buffer->layout.size * (size_t)type_size(buffer->type));
    }
}

/* ---- expressions → code ---- */

static Index *compile_index(Machine *machine, const Affine *affine, int rank) {
    Index *index = NEW_ARRAY(Index, rank);
    for (int i = 0; i < rank; i++) {
        index[i].constant = affine[i].constant;
        index[i].count = affine[i].count;
        index[i].slot = NEW_ARRAY(int, affine[i].count);
        index[i].coefficient = NEW_ARRAY(long, affine[i].count);
        for (int j = 0; j < affine[i].count; j++) {
            index[i].slot[j] = machine_slot(machine, affine[i].term[j].variable);
            index[i].coefficient[j] = affine[i].term[j].coefficient;
        }
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
    for (int i = 0; i < expression_operands(e->kind); i++) instruction.operand[i] = compile_node(machine, compilation, e->operand[i]);
    if (e->kind == EXPRESSION_LOAD) {
        instruction.memory = machine_memory(machine, e->buffer);
        instruction.index = compile_index(machine, e->index, e->buffer->rank);
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
        code.target[i] = (StoreTarget){memory, compile_index(machine, store->index, store->buffer->rank), store->accumulate};
    }
    code.count = compilation.count;
    code.instruction = compilation.instruction;
    code.value = NEW_ARRAY(double, compilation.count);
    MAKE_ROOM(machine->code, machine->code_count, machine->code_capacity);
    machine->code[machine->code_count] = code;
    *pointer_map_add(&machine->code_of, key, NULL) = machine->code_count;
    return machine->code_count++;
}

/* ---- memory ---- */

static long index_value(const Machine *machine, const Index *index) {
    long value = index->constant;
    for (int i = 0; i < index->count; i++) {
        const Slot *variable = &machine->slot[index->slot[i]];
        if (variable->value == UNBOUND)
            die("kernel %s: variable %s is used outside its loop", machine->kernel->name, variable->variable->name);
        value += index->coefficient[i] * variable->value;
    }
    return value;
}

long machine_offset(const Machine *machine, int memory, const Index *index) {
    const Buffer *buffer = machine->memory[memory].buffer;
    long at[MAX_RANK];
    for (int i = 0; i < buffer->rank; i++) {
        at[i] = index_value(machine, &index[i]);
        if (at[i] < 0 || at[i] >= buffer->shape[i])
            die("kernel %s: buffer %s: index %d is %ld, outside [0, %ld)", machine->kernel->name, buffer->name, i, at[i], buffer->shape[i]);
    }
    const long offset = layout_offset(&buffer->layout, at);
    if (offset < 0 || offset >= buffer->layout.size)
        die("kernel %s: buffer %s: the layout puts an element at %ld of %ld", machine->kernel->name, buffer->name, offset,
            buffer->layout.size);
    return offset;
}

double machine_read(Machine *machine, int number, long offset) {
    const Memory *memory = &machine->memory[number];
    Shadow *shadow = &memory->shadow[offset];
    const char *kernel = machine->kernel->name, *name = memory->buffer->name;
    if (machine->lane >= 0 && shadow->vector == machine->vector && shadow->lane != machine->lane)
        die("kernel %s: buffer %s: lane %ld reads what lane %ld of the same vector loop wrote", kernel, name, machine->lane, shadow->lane);
    if (machine->parallel && memory->buffer->space == SPACE_TENSOR) {
        if (shadow->writer > machine->nest && shadow->writer != machine->iteration)
            die("kernel %s: buffer %s: a parallel iteration reads what another wrote", kernel, name);
        if (shadow->reader != machine->iteration) shadow->reader_before = shadow->reader;
        shadow->reader = machine->iteration;
    }
    return element_value(memory->buffer->type, memory->elements, offset);
}

void machine_write(Machine *machine, int number, long offset, double value) {
    const Memory *memory = &machine->memory[number];
    Shadow *shadow = &memory->shadow[offset];
    const char *kernel = machine->kernel->name, *name = memory->buffer->name;
    if (machine->lane >= 0) {
        if (shadow->vector == machine->vector && shadow->lane != machine->lane)
            die("kernel %s: buffer %s: two lanes of a vector loop write the same element", kernel, name);
        shadow->vector = machine->vector;
        shadow->lane = machine->lane;
    }
    if (machine->parallel && memory->buffer->space == SPACE_TENSOR) {
        long others[3] = {shadow->writer, shadow->reader, shadow->reader_before};
        for (int i = 0; i < 3; i++)
            if (others[i] > machine->nest && others[i] != machine->iteration)
                die("kernel %s: buffer %s: a parallel iteration writes what another %s", kernel, name, i ? "reads" : "wrote");
        shadow->writer = machine->iteration;
    }
    if (type_is_narrow(memory->buffer->type))
        die("kernel %s: buffer %s of %s is stored to", kernel, name, type_names[memory->buffer->type]);
    if (memory->buffer->type == TYPE_F64) ((double *)memory->elements)[offset] = value;
    else if (memory->buffer->type == TYPE_PAIR) ((uint32_t *)memory->elements)[offset] = (uint32_t)value;
    else ((float *)memory->elements)[offset] = (float)value;
}

/* ---- evaluation ---- */

/* An element of a virtual buffer: zero outside its shape, else its value with its own variables bound to the index. */
static double read_virtual(Machine *machine, int number, const Index *index) {
    const Buffer *buffer = machine->memory[number].buffer;
    long at[MAX_RANK], kept[MAX_RANK];
    for (int i = 0; i < buffer->rank; i++) {
        at[i] = index_value(machine, &index[i]);
        if (at[i] < 0 || at[i] >= buffer->shape[i]) return buffer->outside;
    }
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

/* exponent of 2 such that 1 ≤ a / 2^e < 2 */
static int exponent_of(double a) {
    int exponent;
    frexp(a, &exponent);
    return exponent - 1;
}

/* The caller rounds floats that are held in double. That gives the bits of arithmetic in float: the exact result of one of these
 * operations on floats is never so near the middle between two floats that rounding to double first could matter. That of a multiply-add
 * can be, so it is rounded here. */
static double evaluate_number(ExpressionKind kind, Type type, double a, double b, double c, double d) {
    switch (kind) {
    case EXPRESSION_ADD:
        return a + b;
    case EXPRESSION_SUBTRACT:
        return a - b;
    case EXPRESSION_MULTIPLY:
        return a * b;
    case EXPRESSION_DIVIDE:
        return a / b;
    case EXPRESSION_MAXIMUM:
        return a > b ? a : b;
    case EXPRESSION_MINIMUM:
        return a < b ? a : b;
    case EXPRESSION_MULTIPLY_ADD:
        return type == TYPE_F32 ? (double)fmaf((float)a, (float)b, (float)c) : fma(a, b, c);
    case EXPRESSION_SQUARE_ROOT:
        return sqrt(a);
    case EXPRESSION_ABSOLUTE:
        return fabs(a);
    case EXPRESSION_NEGATE:
        return -a;
    case EXPRESSION_SELECT_GREATER:
        return a > b ? c : d;
    case EXPRESSION_ROUND:
        return rint(a);
    case EXPRESSION_POWER_OF_TWO:
        return ldexp(1, (int)a);
    case EXPRESSION_EXPONENT:
        return exponent_of(a);
    case EXPRESSION_MANTISSA:
        return ldexp(a, -exponent_of(a));
    default:
        die("'%s' on numbers", expression_name(kind));
    }
}

double evaluate_operation(const Instruction *instruction, const double *values) {
    double operand[4] = {0};
    for (int i = 0; i < expression_operands(instruction->kind); i++) operand[i] = values[instruction->operand[i]];
    if (instruction->kind == EXPRESSION_WIDEN) return operand[0];
    if (instruction->kind == EXPRESSION_NARROW) return (double)(float)operand[0];
    if (instruction->kind == EXPRESSION_PAIR) return (double)bfloat16_pair((float)operand[0], (float)operand[1]);
    if (instruction->kind == EXPRESSION_DOT || instruction->kind == EXPRESSION_DOT_ADD)
        return (double)bfloat16_dot_add((uint32_t)operand[0], (uint32_t)operand[1], (float)operand[2]);
    const double result = evaluate_number(instruction->kind, instruction->type, operand[0], operand[1], operand[2], operand[3]);
    return instruction->type == TYPE_F64 ? result : (double)(float)result;
}

void machine_evaluate(Machine *machine, int number) {
    double *value = machine->code[number].value;
    const Instruction *instruction = machine->code[number].instruction;
    int count = machine->code[number].count;
    for (int i = 0; i < count; i++, instruction++) {
        switch (instruction->kind) {
        case EXPRESSION_CONSTANT:
            value[i] = instruction->constant;
            break;
        case EXPRESSION_SUM:
            value[i] = machine->sum[instruction->sum];
            break;
        case EXPRESSION_LOAD:
            if (machine->memory[instruction->memory].buffer->space == SPACE_VIRTUAL)
                value[i] = read_virtual(machine, instruction->memory, instruction->index);
            else value[i] = machine_read(machine, instruction->memory, machine_offset(machine, instruction->memory, instruction->index));
            break;
        default:
            value[i] = evaluate_operation(instruction, value);
            break;
        }
    }
}
