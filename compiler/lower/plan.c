/* plan.c: lays out one workspace. Tensors that survive from step to step have their places at the start. Any other tensor lives from the
 * first call that touches it to the last, and tensors that do not live at the same time share memory. One program runs at a time, so the
 * tensors of different programs share all of it. */
#include "lower/plan.h"

#include "base/pointer_map.h"
#include "lower/kernel_buffers.h"

#include <stdlib.h>

typedef struct Lifetimes {
    int count, capacity;
    Tensor **tensor;
    PointerMap known;
} Lifetimes;

/* A scan's body runs repeatedly, so a tensor that one of its calls touches lives through all of them. */
static void scan_span(const Program *program, int call, int *first, int *last) {
    *first = *last = call;
    const Scan *scan = program->call[call].scan;
    if (!scan) return;
    while (*first > 0 && program->call[*first - 1].scan == scan) --*first;
    while (*last + 1 < program->call_count && program->call[*last + 1].scan == scan) ++*last;
}

/* The workspace tensors that a program touches, either the kept ones or the others, with the calls between which they live. */
static Lifetimes *find_lifetimes(const Program *program, bool kept) {
    Lifetimes *lifetimes = NEW(Lifetimes);
    for (int i = 0; i < program->call_count; i++) {
        const Buffer *buffers[MAX_BUFFERS];
        bool written[MAX_BUFFERS];
        int first, last, count = kernel_buffers(program->call[i].kernel, buffers, written, MAX_BUFFERS);
        scan_span(program, i, &first, &last);
        for (int b = 0; b < count; b++) {
            Tensor *tensor = whole_tensor(buffers[b]->owner);
            if (tensor->kept != kept || tensor->place != PLACE_WORKSPACE) continue;
            bool added;
            pointer_map_add(&lifetimes->known, tensor, &added);
            if (added) {
                MAKE_ROOM(lifetimes->tensor, lifetimes->count, lifetimes->capacity);
                lifetimes->tensor[lifetimes->count++] = tensor;
                tensor->first = first;
            }
            tensor->last = tensor->stays ? program->call_count - 1 : last;
        }
    }
    return lifetimes;
}

static int larger_first(const void *a, const void *b) {
    const Tensor *left = *(Tensor *const *)a, *right = *(Tensor *const *)b;
    if (left->bytes != right->bytes) return left->bytes > right->bytes ? -1 : 1;
    if (left->first != right->first) return left->first < right->first ? -1 : 1;
    return left->last - right->last;
}

/* The lowest place where the tensor overlaps nothing that lives at the same time. `placed` is sorted by offset. */
static long lowest_place(const Tensor *tensor, Tensor *const *placed, int count, long start) {
    long place = start;
    for (int i = 0; i < count && placed[i]->offset < place + tensor->bytes; i++) {
        const Tensor *other = placed[i];
        const bool together = tensor->first <= other->last && other->first <= tensor->last;
        if (together) place = maximum(place, other->offset + round_up(other->bytes, 64));
    }
    return place;
}

long place_tensors(Tensor **list, int count, long start) {
    Tensor **placed = NEW_ARRAY(Tensor *, count + 1);
    if (count > 0) qsort(list, (size_t)count, sizeof *list, larger_first);
    long top = start;
    for (int i = 0; i < count; i++) {
        Tensor *tensor = list[i];
        tensor->offset = lowest_place(tensor, placed, i, start);
        top = maximum(top, tensor->offset + round_up(tensor->bytes, 64));
        int place = i;
        for (; place > 0 && placed[place - 1]->offset > tensor->offset; place--) placed[place] = placed[place - 1];
        placed[place] = tensor;
    }
    return top;
}

/* Bytes of the kept tensors that a program touches. */
static long kept_by(const Program *program) {
    const Lifetimes *lifetimes = find_lifetimes(program, true);
    long bytes = 0;
    for (int i = 0; i < lifetimes->count; i++) bytes += round_up(lifetimes->tensor[i]->bytes, 64);
    return bytes;
}

long plan_program(const Program *program, long start) {
    const Lifetimes *lifetimes = find_lifetimes(program, false);
    return place_tensors(lifetimes->tensor, lifetimes->count, start);
}

static bool touches(const Program *program, const Tensor *whole) {
    for (int i = 0; i < program->call_count; i++) {
        const Buffer *buffers[MAX_BUFFERS];
        bool written[MAX_BUFFERS];
        const int count = kernel_buffers(program->call[i].kernel, buffers, written, MAX_BUFFERS);
        for (int b = 0; b < count; b++)
            if (whole_tensor(buffers[b]->owner) == whole) return true;
    }
    return false;
}

/* Blocks of gradients that several programs use have one place for all of them. */
static void keep_shared_gradients(TargetCode *code) {
    for (int g = 0; g < code->group_count; g++) {
        Tensor *gradients = code->group[g].gradients;
        int users = 0;
        for (int i = 0; gradients && i < code->program_count; i++) users += touches(code->program[i], gradients);
        if (!gradients || users == 1) continue;
        gradients->kept = true;
        gradients->offset = code->kept_bytes;
        code->kept_bytes += round_up(gradients->bytes, 64);
    }
}

/* After the blocks of gradients, the gradients in them. */
static void place_parts(TargetCode *code) {
    for (int g = 0; g < code->group_count; g++)
        if (code->group[g].gradients) code->group[g].block_offset[BLOCK_GRADIENTS] = code->group[g].gradients->offset;
    for (int i = 0; i < code->program_count; i++) {
        const Program *program = code->program[i];
        for (int c = 0; c < program->call_count; c++) {
            const Buffer *buffers[MAX_BUFFERS];
            bool written[MAX_BUFFERS];
            const int count = kernel_buffers(program->call[c].kernel, buffers, written, MAX_BUFFERS);
            for (int b = 0; b < count; b++) {
                Tensor *tensor = buffers[b]->owner;
                if (!tensor->whole) continue;
                tensor->offset = tensor->whole->offset + tensor->within;
                tensor->first = tensor->whole->first, tensor->last = tensor->whole->last;
            }
        }
    }
}

/* Each program is laid out by itself. A tensor of two programs would get its place from the last one, among tensors that the first one
 * does not know. */
static void check_apart(PointerMap *known, const Lifetimes *lifetimes, const Program *program) {
    for (int i = 0; i < lifetimes->count; i++) {
        bool added;
        pointer_map_add(known, lifetimes->tensor[i], &added);
        if (!added) die("%s is not kept, but %s is not the only program that uses it", lifetimes->tensor[i]->buffer->name, program->name);
    }
}

void plan_workspace(TargetCode *code) {
    PointerMap known = {0};
    keep_shared_gradients(code);
    code->workspace_bytes = code->kept_bytes;
    code->scratch_bytes = 0;
    for (int i = 0; i < code->program_count; i++) {
        Program *program = code->program[i];
        const Lifetimes *lifetimes = find_lifetimes(program, false);
        check_apart(&known, lifetimes, program);
        const long top = place_tensors(lifetimes->tensor, lifetimes->count, code->kept_bytes);
        program->alone_bytes = kept_by(program) + top - code->kept_bytes;
        program->alone_scratch = program_scratch(program);
        code->workspace_bytes = maximum(code->workspace_bytes, top);
        code->scratch_bytes = maximum(code->scratch_bytes, program->alone_scratch);
    }
    place_parts(code);
}
