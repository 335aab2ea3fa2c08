/* interpret_memory.c: the memory that a machine works on, with all its checks. */
#include "base/support.h"
#include "interpret/interpreter.h"

#include <string.h>

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

/* An offset is a sum of parts, each of one dimension's index. */
static void find_parts(Memory *memory) {
    const Layout *layout = &memory->buffer->layout;
    for (int d = 0; d < memory->buffer->rank; d++) memory->part[d] = NEW_ARRAY(long, memory->buffer->shape[d]);
    for (int i = 0; i < layout->count; i++) {
        const int d = layout->term[i].dimension;
        for (long at = 0; at < memory->buffer->shape[d]; at++) {
            long part = at / layout->term[i].divisor;
            if (layout->term[i].modulus) part %= layout->term[i].modulus;
            memory->part[d][at] += part * layout->term[i].stride;
        }
    }
}

int machine_memory(Machine *machine, const Buffer *buffer) {
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
        find_parts(&memory);
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

long index_value(const Machine *machine, const Index *index, long *step) {
    long value = index->constant;
    *step = 0;
    for (int i = 0; i < index->count; i++) {
        const IndexTerm term = index->term[i];
        if (term.slot == machine->lane_slot) {
            *step += term.coefficient;
            continue;
        }
        const Slot *variable = &machine->slot[term.slot];
        if (variable->value == UNBOUND)
            die("kernel %s: variable %s is used outside its loop", machine->kernel->name, variable->variable->name);
        value += term.coefficient * variable->value;
    }
    return value;
}

static void check_index(const Machine *machine, const Buffer *buffer, int dimension, long index) {
    if (index < 0 || index >= buffer->shape[dimension])
        die("kernel %s: buffer %s: index %d is %ld, outside [0, %ld)", machine->kernel->name, buffer->name, dimension, index,
            buffer->shape[dimension]);
}

void machine_offsets(const Machine *machine, int number, const Index *index, long *offset) {
    const Memory *memory = &machine->memory[number];
    const Buffer *buffer = memory->buffer;
    const long lanes = machine->lanes;
    long shared = 0;
    memset(offset, 0, sizeof *offset * (size_t)lanes);
    for (int d = 0; d < buffer->rank; d++) {
        long step;
        const long first = index_value(machine, &index[d], &step);
        check_index(machine, buffer, d, first);
        check_index(machine, buffer, d, first + step * (lanes - 1)); /* those between lie inside, too */
        const long *part = memory->part[d] + first;
        if (step == 0) shared += *part;
        else
            for (long lane = 0; lane < lanes; lane++) offset[lane] += part[step * lane];
    }
    for (long lane = 0; lane < lanes; lane++) {
        offset[lane] += shared;
        if (offset[lane] < 0 || offset[lane] >= buffer->layout.size)
            die("kernel %s: buffer %s: the layout puts an element at %ld of %ld", machine->kernel->name, buffer->name, offset[lane],
                buffer->layout.size);
    }
}

static void note_read(const Machine *machine, const Memory *memory, Shadow *shadow, int lane) {
    const char *kernel = machine->kernel->name, *name = memory->buffer->name;
    if (lane >= 0 && shadow->vector == machine->vector && shadow->lane != lane)
        die("kernel %s: buffer %s: lane %d reads what lane %d of the same vector loop wrote", kernel, name, lane, shadow->lane);
    if (!machine->parallel || memory->buffer->space != SPACE_TENSOR) return;
    if (shadow->writer > machine->nest && shadow->writer != machine->iteration)
        die("kernel %s: buffer %s: a parallel iteration reads what another wrote", kernel, name);
    if (shadow->reader != machine->iteration) shadow->reader_before = shadow->reader;
    shadow->reader = machine->iteration;
}

void machine_read(Machine *machine, int number, const long *offset, double *value) {
    const Memory *memory = &machine->memory[number];
    for (int lane = 0; lane < machine->lanes; lane++) {
        note_read(machine, memory, &memory->shadow[offset[lane]], machine->lane_slot < 0 ? machine->lane : lane);
        if (memory->buffer->type == TYPE_F32) value[lane] = (double)((const float *)memory->elements)[offset[lane]];
        else value[lane] = element_value(memory->buffer->type, memory->elements, offset[lane]);
    }
}

static void note_write(const Machine *machine, const Memory *memory, Shadow *shadow, int lane) {
    const char *kernel = machine->kernel->name, *name = memory->buffer->name;
    if (lane >= 0) {
        if (shadow->vector == machine->vector && shadow->lane != lane)
            die("kernel %s: buffer %s: two lanes of a vector loop write the same element", kernel, name);
        shadow->vector = machine->vector;
        shadow->lane = lane;
    }
    if (!machine->parallel || memory->buffer->space != SPACE_TENSOR) return;
    const int others[3] = {shadow->writer, shadow->reader, shadow->reader_before};
    for (int i = 0; i < 3; i++)
        if (others[i] > machine->nest && others[i] != machine->iteration)
            die("kernel %s: buffer %s: a parallel iteration writes what another %s", kernel, name, i ? "reads" : "wrote");
    shadow->writer = machine->iteration;
}

void machine_write(Machine *machine, int number, const long *offset, const double *value) {
    const Memory *memory = &machine->memory[number];
    const Type type = memory->buffer->type;
    if (type_is_narrow(type)) die("kernel %s: buffer %s of %s is stored to", machine->kernel->name, memory->buffer->name, type_names[type]);
    for (int lane = 0; lane < machine->lanes; lane++) {
        const long at = offset[lane];
        note_write(machine, memory, &memory->shadow[at], machine->lane_slot < 0 ? machine->lane : lane);
        if (type == TYPE_F64) ((double *)memory->elements)[at] = value[lane];
        else if (type == TYPE_PAIR) ((uint32_t *)memory->elements)[at] = (uint32_t)value[lane];
        else ((float *)memory->elements)[at] = (float)value[lane];
    }
}
