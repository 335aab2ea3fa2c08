/* lower.h: graph nodes → kernels; private to lower*.c, storage.c, fuse.c, element.c and choose.c. */
#ifndef ZOETROPE_LOWER_H
#define ZOETROPE_LOWER_H

#include "program.h"

typedef struct ParameterStorage { /* one for each entry of graph->parameter; shared by all programs of a target */
    const Buffer *value;          /* packed in the target's layout, in its block */
    const Buffer *copy;           /* the same with lanes along the input channels, for the data gradient; NULL: none */
    const Buffer *gradient;
    const struct FilterPlan *filter; /* inference: `value` is what minimal filtering multiplies by; NULL: it is the weight */
    const Buffer *scale;             /* inference: what its elements are multiplied by, for each output feature; NULL: nothing */
    long offset;                     /* of the value in its block, of the gradient and the moments in theirs; bytes */
} ParameterStorage;

typedef struct Lowering {
    const Graph *graph;
    const Target *target;
    const Choices *choices;
    TargetCode *code;
    Program *program;                   /* being appended to */
    Type weight_type;                   /* inference: of the elements of convolutions' weights and of matrices */
    ParameterStorage *parameter;        /* by index in graph->parameter */
    const struct FilterPlan **filtered; /* inference: by the same index, the plans by which convolutions were filtered; NULL: not wanted */
    const Buffer **buffer;              /* by node id; NULL: not stored so far */
    const Buffer **whole_rows;          /* by node id: what a scan carries, as others read it (lower_rows.c); NULL: nobody has so far */
    const Buffer **tile_sums;           /* by node id: sums of tiles (lower_tiles.h) that are lowered already; NULL: none are … */
    const Node **summed_by;             /* … and the convolution in whose kernel; NULL: in one of their own */
    int *first_call;                    /* by node id, and one more: how many calls `program` had before it */
    const Scan *body;                   /* whose nodes are being lowered; NULL: none … */
    int body_node, body_call;           /* … its node after the first one, and its first call */
    int lowered;                        /* the node that is being lowered */
} Lowering;

/* ---- storage.c: where nodes are stored, and how ---- */
bool is_blocked(const Target *target, long channels); /* this many channels get a layout blocked by the vector */
long stored_channels(const Target *target, long channels);
const Buffer *new_tensor(const char *name, Type type, Place place, int rank, const long *shape, Layout layout);
/* [N, C, H, W] in the layout that the target gives to activations and to vectors per channel. */
const Buffer *new_activation(const Lowering *l, const char *name, const long shape[4]);
const Buffer *new_plain(const char *name, Type type, Place place, int rank, const long *shape);
const Buffer *node_buffer(Lowering *l, Node *node);
/* Is it computed in double? A loss is, and so are sums of losses. */
bool is_double(const Node *node);
/* A weight in the layout that has its lanes along this dimension, where there is one; else the layout that there is. */
const Buffer *weight_along(const Lowering *l, const Node *weight, int dimension);
/* Of a weight [S, L, u, v] or [Co, Ho, Wo, Ci, Hi, Wi]: the dimension of its output channels and that of its input channels. */
void weight_sides(const Node *weight, int *out, int *in);
/* [a/V, b/B, the rest, b%B, V lanes of a], a = `lane` (−1: row-major), b the other side: what a register tile walks through in order. */
Layout weight_layout(int rank, const long *shape, int lane, long lanes, bool taps_outside);
bool is_read_by_phases(const Lowering *l, const Node *weight);
void allocate_parameters(Lowering *l);
/* Inference: each parameter once, one after another in PLACE_WEIGHTS; returns their bytes. */
long allocate_weights(Lowering *l, const struct FilterPlan *const *filters);
/* A CARRY reads the storage of the node that it carries, which has T + 1 rows a sequence. */
Node *carried_node(const Node *carry);
bool has_carried_rows(const Node *node);
Affine carried_row(const Node *node, Affine b, Affine t);
const Scan *carrying_scan(const Node *node);

/* ---- lower_rows.c ---- */
/* All rows of what a scan carries, b·T + t. The kernel that copies them is lowered where they are first asked for. */
const Buffer *whole_rows(Lowering *l, Node *node);
void lower_scan_outputs(Lowering *l, const Scan *scan);

/* ---- fuse.c: sets node->fused: computed where it is read, never stored ---- */
void fuse_graph(const Lowering *l);
/* The node whose value a convolution's or linear layer's kernel stores: itself, or the activation that alone reads it. */
Node *epilogue_of(const Graph *graph, Node *node);

/* ---- element.c: nodes as expressions ---- */
typedef struct At { /* an element of [N, C, H, W]: row n, or b·steps + t where steps > 0 */
    long steps;
    Affine n, b, t, c, h, w;
} At;
const Expression *node_element(Lowering *l, Node *node, const At *at);
/* What the kernel of `node` stores where the node's own element is `value`: that, or its epilogue of it. */
const Expression *epilogue_element(Lowering *l, Node *node, const At *at, const Expression *value);
/* The element of a vector per channel, [1, C, R, 1], at row `row`. */
const Expression *channel_value(Lowering *l, Node *node, Affine channel, long row);
/* The element of a parameter-like node of the full shape [1, C, H, W]. */
const Expression *feature_value(Lowering *l, Node *node, const At *at);
/* A sum of products with a weight, times its scale where it has one. */
const Expression *scaled_sum(const Lowering *l, const Node *weight, const At *at, const Expression *sum);
/* Where an element of a stored node lies in its buffer. */
void stored_index(Node *node, const At *at, Affine index[4]);
/* How far a channel variable may run in all that an expression loads, and at most `most`: padding lanes are there or not. */
long channels_in(const Expression *value, const Variable *channel, long most);
/* A virtual buffer of the node's elements that is 0 outside of its shape: what a padded convolution reads. In a scan, of the rows of step
 * `time`. */
const Buffer *node_virtual(Lowering *l, Node *node);
const Buffer *node_virtual_at(Lowering *l, Node *node, const Variable *time);
/* The same elements as a weight that is stored, by way of a virtual buffer, which can be staged. */
const Buffer *virtual_weight(const Buffer *weight, const char *name);
void lower_element(Lowering *l, Node *node);

/* ---- lower.c: kernels under construction ---- */
Kernel *new_kernel(const char *name, int computes);
Variable *add_variable(Compute *compute, const char *name, long extent, bool reduced);
void add_store(Compute *compute, const Buffer *buffer, const Affine *index, const Expression *value);
/* A buffer in scratch that the kernel's computes name, layout as layout_ordered's. */
Buffer *new_scratch(Kernel *kernel, const char *name, int rank, const long *shape, const int *order, int blocked, long block);
void add_level(Schedule *schedule, const char *variable, long tile, LoopKind kind);
/* Inside of the levels that there are, memory is asked for that is wanted after this iteration of the `outer` outermost ones. */
void ask_ahead(const Lowering *l, Schedule *schedule, int outer);
/* Schedules, unrolls, verifies, and appends a call. The note is the schedule in words. */
void finish_kernel(Lowering *l, Kernel *kernel, Scan *scan);
void add_call(Program *program, const Kernel *kernel, Scan *scan);
/* Lowers a graph: the passes before its first node, then nodes first … end − 1 into a program; a scan is not cut. */
void start_graph(Lowering *l, const Graph *graph);
void lower_nodes(Lowering *l, int first, int end, Program *program);
/* Every access of the compute, through its virtual buffers too, is unit-stride in whole vectors, or uniform, along the variable. */
bool lanes_fit(const Compute *compute, const char *variable, int lanes);
void set_work(Kernel *kernel, double flops); /* flops, and the compulsory bytes from its computes' buffers */

/* ---- lower_*.c: one function for each operation that is not elementwise ---- */
void lower_convolution(Lowering *l, Node *node);
void lower_conv2d_weight_grad(Lowering *l, Node *node);
void lower_linear(Lowering *l, Node *node);
void lower_linear_data_grad(Lowering *l, Node *node);
void lower_linear_weight_grad(Lowering *l, Node *node);
/* lower_dot.c: whether a linear layer's product can have its lanes along `side`, the dimension of the weight that it sums over. */
bool can_be_dot(const Lowering *l, const Node *node, int side);
void lower_dot(Lowering *l, Node *node, int side, const char *comment, double flops);
void lower_bias_grad(Lowering *l, Node *node);
void lower_batch_norm_statistics(Lowering *l, Node *node);
void lower_batch_norm_running(Lowering *l, Node *node);
void lower_batch_norm_sums(Lowering *l, Node *node);
void lower_carry(Lowering *l, Node *node);
void lower_gru_cell(Lowering *l, Node *node);
void lower_gru_cell_grad(Lowering *l, Node *node);
void lower_loss(Lowering *l, Node *node);
void lower_loss_for_caller(Lowering *l, Node *node); /* where it is another scalar that the caller gets as a loss */
void lower_update(Lowering *l);                      /* the optimizer, then the renewed copies */
void lower_renew(Lowering *l);
/* to[index] = from[index] for every index in `extent`, one element at a time; lanes of `to` innermost. */
Kernel *copy_kernel(const char *name, const long *extent, int rank, const Buffer *from, const Buffer *to, const char *comment);
void lower_transfers(Lowering *l); /* load and save programs */
void lower_normal(Lowering *l);
void lower_stream(Lowering *l, const Spec *spec, Program *program); /* inference.c */
/* quantise.c: how many output features a weight has; their shape as a vector's, [1, C, H, W]. */
long output_features(const Node *weight, long shape[4]);
/* The one that the weight's element number i, in the order of the node's dimensions, belongs to. */
long output_of(const Node *weight, long i);

/* ---- choose.c: the cost model ---- */
typedef struct RegisterTile { /* vectors of one operand by values of the other */
    long vectors;             /* along the lanes' variable */
    long outer, inner;        /* two variables of the broadcast operand */
} RegisterTile;
/* The tile with the least estimated time a multiply-add over ranges of `vectors` vectors, `outer` and `inner` values, tails included. */
RegisterTile choose_register_tile(const Target *target, long vectors, long outer, long inner);
/* The same for a weight gradient, `inner` being taps: of the operand in vectors (`of_vectors`) or of the other one. */
RegisterTile choose_grad_tile(const Target *target, long vectors, long outer, long inner, bool of_vectors);
/* A tile that is chosen by these fields, out of these ranges, in the place of the cost model's. FIELDS: there is no such field. */
RegisterTile tuned_tile(KernelChoice *choice, RegisterTile model, const ChoiceField field[3], const long range[3], bool inner_of_vectors);
enum { BUSY_ITEMS = 16 }; /* iterations of the parallel loops, for many threads */
enum { STAGE_BYTES = 128 * 1024, STAGE_BYTES_MOST = 512 * 1024, WEIGHT_BYTES = 384 * 1024 };

#endif
