/* Programs as lists of calls. */
#include "program.h"

void add_call(Program *program, const Kernel *kernel, Scan *scan) {
    MAKE_ROOM(program->call, program->call_count, program->call_capacity);
    program->call[program->call_count++] = (Call){kernel, scan};
}

long program_scratch(const Program *program) {
    long most = 0;
    for (int i = 0; i < program->call_count; i++) most = maximum(most, program->call[i].kernel->scratch_size);
    return most;
}
