/* Programs as lists of calls. */
#include "program.h"

#include "../runtime/model.h"

/* The runtime names blocks to the load and save of a target by its own numbers. */
_Static_assert((int)BLOCK_PARAMETERS == (int)MODEL_PARAMETERS && (int)BLOCK_GRADIENTS == (int)MODEL_GRADIENTS &&
                   (int)BLOCK_MOMENT1 == (int)MODEL_MOMENT1 && (int)BLOCK_MOMENT2 == (int)MODEL_MOMENT2 &&
                   (int)BLOCK_STATISTICS == (int)MODEL_STATISTICS && (int)BLOCK_COUNT == (int)MODEL_BLOCKS,
               "BlockIndex and ModelBlock differ");
_Static_assert((int)UPDATE_COEFFICIENTS == (int)MODEL_COEFFICIENTS, "the update reads as many coefficients as a step has");

void add_call(Program *program, const Kernel *kernel, Scan *scan) {
    MAKE_ROOM(program->call, program->call_count, program->call_capacity);
    program->call[program->call_count++] = (Call){kernel, scan};
}

long program_scratch(const Program *program) {
    long most = 0;
    for (int i = 0; i < program->call_count; i++) most = maximum(most, program->call[i].kernel->scratch_size);
    return most;
}
