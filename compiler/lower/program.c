/* program.c: programs as lists of calls. */
#include "lower/program.h"

#include "../../runtime/model.h"

#include <string.h>

/* The runtime passes the numbers of its own enum to the load and save functions of a target. */
_Static_assert((int)BLOCK_PARAMETERS == (int)MODEL_PARAMETERS && (int)BLOCK_GRADIENTS == (int)MODEL_GRADIENTS &&
                   (int)BLOCK_MOMENT1 == (int)MODEL_MOMENT1 && (int)BLOCK_MOMENT2 == (int)MODEL_MOMENT2 &&
                   (int)BLOCK_STATISTICS == (int)MODEL_STATISTICS && (int)BLOCK_AVERAGE == (int)MODEL_AVERAGE &&
                   (int)BLOCK_COUNT == (int)MODEL_BLOCKS,
               "BlockIndex and ModelBlock differ");
_Static_assert((int)UPDATE_COEFFICIENTS == (int)MODEL_COEFFICIENTS, "the update reads as many coefficients as a step has");

Program *add_program(TargetCode *code, const ProgramHead *head) {
    MAKE_ROOM(code->program, code->program_count, code->program_capacity);
    Program *program = NEW(Program);
    *program = (Program){.name = head->name, .comment = head->comment, .signature = head->signature};
    return code->program[code->program_count++] = program;
}

Signature signature_of(const Graph *graph) {
    Signature signature = {0};
    for (int role = 0; role < ROLE_CUT; role++) {
        const NamedNodes *named = &graph->named[role];
        Argument *argument = NEW_ARRAY(Argument, named->count);
        for (int i = 0; i < named->count; i++) argument[i] = named->entry[i].argument;
        signature.count[role] = named->count;
        signature.argument[role] = argument;
    }
    return signature;
}

Program *program_named(const TargetCode *code, const char *name) {
    for (int i = 0; i < code->program_count; i++)
        if (strcmp(code->program[i]->name, name) == 0) return code->program[i];
    die("no program is called %s", name);
}

void add_target_kernel(TargetCode *code, Kernel *kernel, int wanted) {
    MAKE_ROOM(code->kernel, code->kernel_count, code->kernel_capacity);
    code->kernel[code->kernel_count++] = (TargetKernel){kernel, wanted};
}

void add_call(Program *program, const Kernel *kernel, Scan *scan) {
    MAKE_ROOM(program->call, program->call_count, program->call_capacity);
    program->call[program->call_count++] = (Call){kernel, scan};
}

long program_scratch(const Program *program) {
    long most = 0;
    for (int i = 0; i < program->call_count; i++) most = maximum(most, program->call[i].kernel->scratch_size);
    return most;
}

Tensor *whole_tensor(Tensor *tensor) {
    return tensor->whole ? tensor->whole : tensor;
}
