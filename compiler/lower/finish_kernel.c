/* finish_kernel.c: lowered kernels on their way into programs. */
#include "lower/finish_kernel.h"

#include "lower/choose.h"
#include "lower/kernel_builder.h"
#include "schedule/schedule.h"

#include <string.h>

/* A kernel that a scan needs only once, such as one that makes a weight in pairs, is called before the scan's loop, as part of its first
 * node. */
static void add_call_before_scan(Lowering *l, const Kernel *kernel) {
    Program *program = l->program;
    add_call(program, kernel, NULL);
    memmove(&program->call[l->body_call + 1], &program->call[l->body_call],
            sizeof(Call) * (size_t)(program->call_count - 1 - l->body_call));
    program->call[l->body_call++] = (Call){kernel, NULL};
    for (int i = l->body_node; i <= l->node->id; i++) l->first_call[i]++;
}

void finish_kernel(Lowering *l, Kernel *kernel, Scan *scan) {
    if (l->node) kernel->layer = l->node->layer;
    add_target_kernel(l->code, kernel, l->node ? wanted_number(l, l->node) : -1);
    if (!scan && l->body) add_call_before_scan(l, kernel);
    else add_call(l->program, kernel, scan);
}

void finish_naive(Lowering *l, Kernel *kernel, double work, const char *comment) {
    kernel->comment = comment;
    set_work(kernel, work);
    kernel->schedule[0] = naive_schedule(&kernel->compute[0]);
    finish_kernel(l, kernel, NULL);
}
