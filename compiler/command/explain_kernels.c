/* explain --kernels: the work of each kernel of each training step, and the roofline's time for it on a machine of stated speed. */
#include "command/explain_kernels.h"

#include "lower/kernel_buffers.h"

typedef struct Bound { /* milliseconds */
    double arithmetic, traffic;
} Bound;

static double longer(Bound bound) {
    return bound.arithmetic > bound.traffic ? bound.arithmetic : bound.traffic;
}

static void add_kernel_line(Text *out, const char *name, double flops, double bytes, Bound bound) {
    text_add(out, "%-48s %12.3f %12.3f %10.1f %9.3f  %s\n", name, 1e-6 * flops, 1e-6 * bytes, bytes > 0 ? flops / bytes : 0, longer(bound),
             bound.traffic > bound.arithmetic ? "memory" : "FLOPs");
}

static void explain_program(Text *out, const Program *program, const Machine *machine) {
    double flops = 0, bytes = 0, time = 0, arithmetic = 0;
    text_add(out, "%-48s %12s %12s %10s %9s  %s\n", "kernel", "MFLOP", "MB", "FLOP/byte", "ms", "bound by");
    for (int i = 0; i < program->call_count; i++) {
        const Call *call = &program->call[i];
        const double times = call->scan ? (double)call->scan->steps : 1, f = times * call->kernel->flops, b = times * call->kernel->bytes;
        const double peak = (kernel_has_pairs(call->kernel) ? 2 : 1) * machine->gigaflops;
        const Bound bound = {1e-6 * f / peak, 1e-6 * b / machine->gigabytes};
        add_kernel_line(out, call->kernel->name, f, b, bound);
        flops += f;
        arithmetic += bound.arithmetic;
        bytes += b;
        time += longer(bound);
    }
    text_add(out, "%-48s %12.3f %12.3f %10.1f %9.3f  its arithmetic alone: %.3f\n", "all", 1e-6 * flops, 1e-6 * bytes, flops / bytes, time,
             arithmetic);
}

void explain_kernels(Text *out, const TargetCode *code, int steps, const Machine *machine) {
    text_add(
        out,
        "\nkernels of a training step for %s, in order; the roofline's time where %.4g GFLOP/s of multiply-adds and %.4g GB/s from memory\n"
        "are all there is%s (--machine says another; the trainer's `profile` measures both, and the kernels)\n",
        code->target->name, machine->gigaflops, machine->gigabytes,
        code->target->pairs ? ", and dot products of bfloat16 are twice as fast" : "");
    for (int s = 0; s < steps; s++) {
        text_add(out, "%s", steps > 1 ? format("\nstep %d\n\n", s) : "\n");
        explain_program(out, code->program[s], machine);
    }
    text_add(out, "\nhow they are run, as a tuning file says it\n\n");
    for (int i = 0; i < code->choice_count; i++) text_add(out, "%s: %s\n", choice_key(code->choice[i]), choice_text(code->choice[i]));
}
