/* lowered.h: runs lowered programs in the interpreter, and compares their results with the graph's reference in double precision. */
#ifndef ZOETROPE_LOWERED_H
#define ZOETROPE_LOWERED_H

#include "../compiler/graph/build_graph.h"
#include "../compiler/graph/evaluate_graph.h"
#include "../compiler/graph/shapes.h"
#include "../compiler/pipeline/pipeline.h"

typedef struct Memories {
    const Tensor *tensor[4096]; /* these have their own memory: all that is not kept, so the plan's sharing does not matter … */
    void *elements[4096];
    int count;
    bool planned; /* … unless this is set: then they are in the workspace, where the plan put them */
    char *workspace;
} Memories;

/* A training graph of one step, and an evaluation, which may be NULL, as a trainer's: compile_graphs() and compile_within() of them. */
TargetCode *compile_both(const Graph *training, const Graph *evaluation, const Target *target, const Choices *choices);
TargetCode *compile_both_within(TargetCode *plain, const Graph *training, const Graph *evaluation, const MemoryLimit *limit);
/* Training and evaluation of a spec, for a target. */
const TargetCode *lower_spec(const Spec *spec, const char *target, const Choices *choices);
/* NULL: the program does not call a kernel of that name. */
const Kernel *find_kernel(const Program *program, const char *name);
Memories *new_memories(const TargetCode *code, bool planned);
void free_memories(Memories *memories);
/* Where the buffer's elements lie; `memories`: the Memories. */
void *tensor_memory(const Buffer *buffer, void *memories);
/* Runs each call; a scan's once for each step. `reverse`: parallel loops run backwards. */
void interpret_program(const Program *program, Memories *memories, bool reverse);
/* The given values (parameters, statistics, inputs), as floats. */
void set_elements(const Graph *graph, const Buffer **buffers, Memories *memories, double **values);
/* `element` in the graph's row-major order. */
double element_of(const Graph *graph, const Node *node, const Buffer *buffer, Memories *memories, long element);
/* The distance from the expected values, whose norm is written. */
double distance_of(const Graph *graph, const Node *node, const Buffer *buffer, Memories *memories, const double *expected, double *norm);

typedef struct Outcome {
    Memories *memories;         /* the program's results */
    double **expected, **given; /* by node, from the reference; given: NULL if it was computed */
} Outcome;

/* Fills parameters, statistics and inputs with the given values, then runs the program that computes the graph's nodes, without its update.
 * The values of all other nodes are added, by the reference. */
Outcome run_on(const Graph *graph, const TargetCode *code, const Program *program, double **values, bool reverse);
/* The same; fails if a stored node is far from the reference. */
void check_on(const Graph *graph, const TargetCode *code, const Program *program, double **values, bool reverse);
/* The same with sample_values(), of the programs `train` and `evaluate`. */
Outcome run_graph(const Graph *graph, const TargetCode *code, bool training, bool reverse);
void check_graph(const Graph *graph, const TargetCode *code, bool training, bool reverse);

#endif
