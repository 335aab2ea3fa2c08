#include "random_kernels.h"

#include "../compiler/base/bfloat16.h"
#include "../compiler/interpret/interpret.h"
#include "../compiler/loop/pairs.h"

#include <math.h>
#include <string.h>

/* ---- random numbers ---- */

long random_index(Random *random, long limit) {
    random->state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    uint64_t z = random->state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (long)((z ^ (z >> 31)) % (uint64_t)limit);
}

bool random_chance(Random *random, long of_100) {
    return random_index(random, 100) < of_100;
}

void random_order(Random *random, int count, int *order) {
    for (int i = 0; i < count; i++) {
        int j = (int)random_index(random, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
}

/* ---- memory ---- */

size_t tensor_bytes(const Buffer *buffer) {
    return (size_t)buffer->layout.size * (buffer->type == TYPE_F64 ? sizeof(double) : sizeof(float));
}

/* Small integers at every index. Padding lanes are NaN, so that using one is noticed. */
static void fill_tensor(Random *random, const Buffer *buffer, void *elements) {
    memset(elements, 0xff, tensor_bytes(buffer));
    long index[MAX_RANK] = {0};
    for (int d = 0; d >= 0;) {
        long value = random_index(random, 7) - 3, offset = layout_offset(&buffer->layout, index);
        if (buffer->type == TYPE_F64) ((double *)elements)[offset] = (double)value;
        else if (buffer->type == TYPE_PAIR)
            ((uint32_t *)elements)[offset] = bfloat16_pair((float)value, (float)(random_index(random, 7) - 3));
        else ((float *)elements)[offset] = (float)value;
        for (d = buffer->rank - 1; d >= 0 && ++index[d] == buffer->shape[d]; d--) index[d] = 0;
    }
}

static Layout random_layout(Random *random, int rank, const long *shape) {
    int order[MAX_RANK];
    random_order(random, rank, order);
    if (random_chance(random, 50))
        for (int i = 0; i < rank; i++) order[i] = i;
    int blocked = random_chance(random, 50) ? (int)random_index(random, rank) : -1;
    return layout_ordered(rank, shape, order, blocked, LANES);
}

static Buffer *new_tensor(Random *random, Example *example, const char *name, int rank, const long *shape) {
    Buffer *buffer = new_buffer(name, TYPE_F32, SPACE_TENSOR, rank, shape, random_layout(random, rank, shape));
    example->tensor[example->tensor_count++] = buffer;
    return buffer;
}

static void *find_tensor(const Buffer *buffer, void *context) {
    const Example *example = context;
    for (int i = 0; i < example->tensor_count; i++)
        if (example->tensor[i] == buffer) return example->elements[i];
    return NULL;
}

void run_from_initial(const Example *example, const Kernel *kernel, bool reverse) {
    for (int i = 0; i < example->tensor_count; i++) memcpy(example->elements[i], example->initial[i], tensor_bytes(example->tensor[i]));
    for (long t = 0; t < (kernel->time ? kernel->time->extent : 1); t++) {
        Example copy = *example;
        interpret_kernel(kernel, t, reverse, find_tensor, &copy);
    }
}

const char *run_example(const Example *example, const Kernel *kernel, bool reverse) {
    run_from_initial(example, kernel, reverse);
    for (int i = 0; i < example->tensor_count; i++)
        if (memcmp(example->elements[i], example->expected[i], tensor_bytes(example->tensor[i])) != 0) return example->tensor[i]->name;
    return NULL;
}

/* ---- indices ---- */

static Affine at(const Variable *variable) {
    return affine_variable(variable);
}

/* stride · a + b + shift */
static Affine strided(const Variable *a, long stride, const Variable *b, long shift) {
    return affine_shift(affine_add(affine_scale(at(a), stride), at(b)), shift);
}

static const Expression *load4(const Buffer *buffer, Affine a, Affine b, Affine c, Affine d) {
    return load(buffer, (Affine[MAX_RANK]){a, b, c, d});
}

static void set_store(Store *store, const Buffer *buffer, const Affine *index, const Expression *value, bool accumulate) {
    *store = (Store){.buffer = buffer, .value = value, .accumulate = accumulate};
    memcpy(store->index, index, sizeof(Affine) * (size_t)buffer->rank);
}

static Compute *new_computes(Example *example, int count) {
    example->kernel.compute_count = count;
    return example->kernel.compute = NEW_ARRAY(Compute, count);
}

static const Variable *add_variable(Compute *compute, const char *name, long extent, bool reduced) {
    compute->reduced[compute->variable_count] = reduced;
    return compute->variable[compute->variable_count++] = new_variable(name, extent);
}

/* max(scale[c] · x[n, c, h, w] + 1, 0), zero outside: padding is zero after the prologue; the channels may be whole blocks */
static Buffer *new_prologue(Random *random, Example *example, const long *shape) {
    Buffer *x = new_tensor(random, example, "x", 4, shape), *scale = new_tensor(random, example, "scale", 1, &shape[1]);
    if (random_chance(random, 60)) x->layout = layout_blocked(4, shape, 1, LANES);
    Buffer *padded = new_buffer("padded", TYPE_F32, SPACE_VIRTUAL, 4, shape, layout_row_major(4, shape));
    static const char *const names[4] = {"xn", "xc", "xh", "xw"};
    for (int d = 0; d < 4; d++) padded->index[d] = new_variable(names[d], shape[d]);
    Affine index[4] = {at(padded->index[0]), at(padded->index[1]), at(padded->index[2]), at(padded->index[3])};
    padded->value = op2(MAXIMUM, op3(MULTIPLY_ADD, load(scale, &index[1]), load(x, index), constant(1)), constant(0));
    example->staged = padded;
    return padded;
}

/* What a kernel of pairs reads instead of `padded`: pairs of channels (some second halves may be missing) or of images. */
static const Buffer *new_pairs(Random *random, Example *example, const Buffer *padded, int dimension) {
    const long all = padded->shape[dimension], half = (all + 1) / 2, blocks = round_up(half, LANES);
    const long apart = dimension == 1 && blocks < all && random_chance(random, 70) ? blocks : half;
    example->staged = dimension == 1 ? pairs_of(padded, 1, apart, all - apart, 1, apart) : pairs_of(padded, 0, half, all / 2, 2, 1);
    return example->staged;
}

static Buffer *new_tensor_of_pairs(Random *random, Example *example, const char *name, int rank, const long *shape) {
    Buffer *buffer = new_tensor(random, example, name, rank, shape);
    buffer->type = TYPE_PAIR;
    return buffer;
}

/* Layouts for lanes along one of the variables. If a tensor's index is that variable plus others, its dimension is blocked. */
static void block_tensor(Random *random, const Variable *lanes, const Buffer *buffer, const Affine *index) {
    if (buffer->space == SPACE_VIRTUAL) return;
    for (int d = 0; d < buffer->rank; d++)
        if (affine_coefficient(&index[d], lanes) == 1)
            ((Buffer *)buffer)->layout = layout_blocked(buffer->rank, buffer->shape, d, random_chance(random, 90) ? LANES : 2 * LANES);
}

typedef struct Blocking {
    Random *random;
    const Variable *lanes;
} Blocking;

static const Expression *block_loads(const Expression *e, void *context) {
    const Blocking *blocking = context;
    if (e->kind == EXPRESSION_LOAD) block_tensor(blocking->random, blocking->lanes, e->buffer, e->index);
    if (e->kind != EXPRESSION_LOAD || e->buffer->space != SPACE_VIRTUAL) return e;
    for (int d = 0; d < e->buffer->rank; d++) {
        Blocking inner = {blocking->random, e->buffer->index[d]};
        if (affine_coefficient(&e->index[d], blocking->lanes)) expression_rewrite(e->buffer->value, block_loads, &inner);
    }
    return e;
}

static void suit_lanes(Random *random, Example *example) {
    Compute *first = &example->kernel.compute[0];
    int v = (int)random_index(random, first->variable_count);
    if (first->reduced[v] || !random_chance(random, 80)) return;
    example->lanes = first->variable[v]->name;
    for (int i = 0; i < example->kernel.compute_count; i++) {
        Compute *compute = &example->kernel.compute[i];
        Blocking blocking = {random, compute->variable[v]};
        for (int s = 0; s < compute->sum_count; s++) expression_rewrite(compute->sum[s], block_loads, &blocking);
        for (int s = 0; s < compute->store_count; s++) {
            expression_rewrite(compute->store[s].value, block_loads, &blocking);
            block_tensor(random, compute->variable[v], compute->store[s].buffer, compute->store[s].index);
        }
    }
}

/* ---- kinds ---- */

typedef struct Window { /* one convolution's sizes */
    long n, k, c, u, v, stride, padding, large[2], small[2];
} Window;

static Window random_window(Random *random) {
    Window window = {.n = 1 + random_index(random, 3), .u = 1 + random_index(random, 3), .v = 1 + random_index(random, 3)};
    window.k = random_chance(random, 60) ? LANES * (1 + random_index(random, 3)) : 1 + random_index(random, 6);
    window.c = random_chance(random, 60) ? LANES * (1 + random_index(random, 2)) : 1 + random_index(random, 5);
    window.stride = 1 + random_index(random, 2);
    window.padding = random_index(random, 2);
    for (int d = 0; d < 2; d++) {
        window.small[d] = random_chance(random, 40) ? LANES : 1 + random_index(random, 5);
        long reach = (window.small[d] - 1) * window.stride + (d ? window.v : window.u) - 2 * window.padding;
        window.large[d] = maximum(1, reach + random_index(random, 2));
    }
    return window;
}

/* y[n, k, i, j] = Σ c, u, v padded[n, c, s·i + u − p, s·j + v − p] · w[k, c, u, v]; perhaps with an epilogue and a second store */
static void make_convolution(Random *random, Example *example) {
    Window size = random_window(random);
    Compute *compute = new_computes(example, 1);
    Buffer *padded = new_prologue(random, example, (long[]){size.n, size.c, size.large[0], size.large[1]});
    const bool pairs = size.c > 1 && random_chance(random, 40);
    const Buffer *in = pairs ? new_pairs(random, example, padded, 1) : padded;
    Buffer *w = (pairs ? new_tensor_of_pairs : new_tensor)(random, example, "w", 4, (long[]){size.k, in->shape[1], size.u, size.v});
    Buffer *y = new_tensor(random, example, "y", 4, (long[]){size.n, size.k, size.small[0], size.small[1]});
    const Variable *n = add_variable(compute, "n", size.n, false), *k = add_variable(compute, "k", size.k, false);
    const Variable *i = add_variable(compute, "i", size.small[0], false), *j = add_variable(compute, "j", size.small[1], false);
    const Variable *c = add_variable(compute, "c", in->shape[1], true), *u = add_variable(compute, "u", size.u, true),
                   *v = add_variable(compute, "v", size.v, true);
    const Expression *x = load4(in, at(n), at(c), strided(i, size.stride, u, -size.padding), strided(j, size.stride, v, -size.padding));
    compute->sum_count = compute->store_count = 1;
    compute->sum[0] = product_of(x, load4(w, at(k), at(c), at(u), at(v)));
    const Expression *value = sum_value(0, TYPE_F32);
    example->plain = random_chance(random, 50);
    if (!example->plain) {
        Affine of_k = at(k);
        Buffer *bias = new_tensor(random, example, "bias", 1, &size.k);
        value = op2(MAXIMUM, op2(ADD, value, load(bias, &of_k)), constant(0));
        Buffer *z = new_tensor(random, example, "z", 4, y->shape);
        set_store(&compute->store[1], z, (Affine[]){at(n), at(k), at(i), at(j)}, op2(MULTIPLY, value, constant(2)),
                  random_chance(random, 50));
        compute->store_count = 2;
    }
    set_store(&compute->store[0], y, (Affine[]){at(n), at(k), at(i), at(j)}, value, false);
}

/* dw[k, c, u, v] (+)= Σ n, i, j dy[n, k, i, j] · padded[n, c, s·i + u − p, s·j + v − p] */
static void make_weight_gradient(Random *random, Example *example) {
    Window size = random_window(random);
    Compute *compute = new_computes(example, 1);
    Buffer *padded = new_prologue(random, example, (long[]){size.n, size.c, size.large[0], size.large[1]});
    const bool pairs = size.n > 1 && random_chance(random, 40);
    const Buffer *in = pairs ? new_pairs(random, example, padded, 0) : padded;
    Buffer *dy =
        (pairs ? new_tensor_of_pairs : new_tensor)(random, example, "dy", 4, (long[]){in->shape[0], size.k, size.small[0], size.small[1]});
    Buffer *dw = new_tensor(random, example, "dw", 4, (long[]){size.k, size.c, size.u, size.v});
    const Variable *k = add_variable(compute, "k", size.k, false), *c = add_variable(compute, "c", size.c, false);
    const Variable *u = add_variable(compute, "u", size.u, false), *v = add_variable(compute, "v", size.v, false);
    const Variable *n = add_variable(compute, "n", in->shape[0], true), *i = add_variable(compute, "i", size.small[0], true),
                   *j = add_variable(compute, "j", size.small[1], true);
    const Expression *x = load4(in, at(n), at(c), strided(i, size.stride, u, -size.padding), strided(j, size.stride, v, -size.padding));
    compute->sum_count = compute->store_count = 1;
    compute->sum[0] = product_of(load4(dy, at(n), at(k), at(i), at(j)), x);
    bool accumulate = random_chance(random, 30);
    example->plain = !accumulate;
    set_store(&compute->store[0], dw, (Affine[]){at(k), at(c), at(u), at(v)}, sum_value(0, TYPE_F32), accumulate);
}

/* A transposed convolution of stride 2 by phases: y[n, k, 2i + a, 2j + b] = Σ c padded[n, c, i + a, j] · w[k, c, a, b] */
static void make_phases(Random *random, Example *example) {
    long n_size = 1 + random_index(random, 2), k_size = random_chance(random, 50) ? LANES : 3,
         c_size = random_chance(random, 50) ? LANES : 3;
    long h = 1 + random_index(random, 5), w_size = 1 + random_index(random, 5);
    Compute *computes = new_computes(example, 4);
    Buffer *padded = new_prologue(random, example, (long[]){n_size, c_size, h, w_size});
    Buffer *w = new_tensor(random, example, "w", 4, (long[]){k_size, c_size, 2, 2});
    Buffer *y = new_tensor(random, example, "y", 4, (long[]){n_size, k_size, 2 * h, 2 * w_size});
    for (long phase = 0; phase < 4; phase++) {
        Compute *compute = &computes[phase];
        long a = phase / 2, b = phase % 2;
        const Variable *n = add_variable(compute, "n", n_size, false), *k = add_variable(compute, "k", k_size, false);
        const Variable *i = add_variable(compute, "i", h, false), *j = add_variable(compute, "j", w_size, false);
        const Variable *c = add_variable(compute, "c", c_size, true);
        const Expression *tap = load4(w, at(k), at(c), affine_constant(a), affine_constant(b));
        compute->sum_count = compute->store_count = 1;
        compute->sum[0] = op2(MULTIPLY, load4(padded, at(n), at(c), affine_shift(at(i), a), at(j)), tap);
        Affine row = affine_shift(affine_scale(at(i), 2), a), column = affine_shift(affine_scale(at(j), 2), b);
        set_store(&compute->store[0], y, (Affine[]){at(n), at(k), row, column}, sum_value(0, TYPE_F32), false);
    }
    example->plain = true;
}

/* y[4b + t, o] = Σ i x[4b + t, i] · w[o, i] at step t of 4, or without steps */
static void make_product(Random *random, Example *example) {
    long rows = 1 + random_index(random, 6), in = 1 + random_index(random, 12),
         out = random_chance(random, 60) ? 2 * LANES : 1 + random_index(random, 9);
    bool steps = random_chance(random, 50);
    Variable *t = new_variable("t", 3);
    Compute *compute = new_computes(example, 1);
    long all = steps ? 3 * rows : rows;
    Buffer *x = new_tensor(random, example, "x", 2, (long[]){all, in}), *w = new_tensor(random, example, "w", 2, (long[]){out, in});
    Buffer *y = new_tensor(random, example, "y", 2, (long[]){all, out});
    const Variable *b = add_variable(compute, "b", rows, false), *o = add_variable(compute, "o", out, false);
    const Variable *i = add_variable(compute, "i", in, true);
    Affine row = steps ? affine_add(affine_scale(at(b), 3), at(t)) : at(b);
    if (steps) example->kernel.time = t;
    compute->sum_count = compute->store_count = 1;
    compute->sum[0] = op2(MULTIPLY, load(x, (Affine[MAX_RANK]){row, at(i)}), load(w, (Affine[MAX_RANK]){at(o), at(i)}));
    set_store(&compute->store[0], y, (Affine[]){row, at(o)}, sum_value(0, TYPE_F32), false);
    example->plain = true;
}

/* p = x · y and y += x at once, on rank 3; the second compute reads what the first wrote, of the same index */
static void make_elementwise(Random *random, Example *example) {
    long shape[3] = {1 + random_index(random, 4), 1 + random_index(random, 9), LANES * (1 + random_index(random, 3))};
    bool two = random_chance(random, 50);
    Compute *computes = new_computes(example, two ? 2 : 1);
    Buffer *x = new_tensor(random, example, "x", 3, shape), *y = new_tensor(random, example, "y", 3, shape);
    Buffer *p = new_tensor(random, example, "p", 3, shape), *q = new_tensor(random, example, "q", 3, shape);
    for (int i = 0; i < (two ? 2 : 1); i++) {
        Affine index[MAX_RANK] = {at(add_variable(&computes[i], "n", shape[0], false)),
                                  at(add_variable(&computes[i], "c", shape[1], false)),
                                  at(add_variable(&computes[i], "w", shape[2], false))};
        const Expression *value = op2(MULTIPLY, load(x, index), load(i ? p : y, index));
        computes[i].store_count = 2 - i;
        set_store(&computes[i].store[0], i ? q : p, index, value, false);
        set_store(&computes[i].store[1], y, index, load(x, index), true);
    }
}

/* Two sums over the same elements, in float and in double: s[c] = Σ x, d[c] = Σ (x)² as double, of a row of each channel */
static void make_statistics(Random *random, Example *example) {
    long n_size = 1 + random_index(random, 3), c_size = LANES * (1 + random_index(random, 2)), w_size = 1 + random_index(random, 9);
    Compute *compute = new_computes(example, 1);
    Buffer *x = new_tensor(random, example, "x", 3, (long[]){n_size, c_size, w_size});
    Buffer *s = new_tensor(random, example, "s", 2, (long[]){n_size, c_size});
    Buffer *d = new_tensor(random, example, "d", 2, (long[]){n_size, c_size});
    d->type = random_chance(random, 50) ? TYPE_F64 : TYPE_F32;
    const Variable *n = add_variable(compute, "n", n_size, false), *c = add_variable(compute, "c", c_size, false);
    const Variable *w = add_variable(compute, "w", w_size, true);
    const Expression *element = load(x, (Affine[MAX_RANK]){at(n), at(c), at(w)});
    const Expression *wide = d->type == TYPE_F64 ? op1(WIDEN, element) : element;
    compute->sum_count = compute->store_count = 2;
    compute->sum[0] = element;
    compute->sum[1] = op2(MULTIPLY, wide, wide);
    example->plain = true;
    set_store(&compute->store[0], s, (Affine[]){at(n), at(c)}, sum_value(0, TYPE_F32), false);
    set_store(&compute->store[1], d, (Affine[]){at(n), at(c)}, sum_value(1, d->type), false);
}

/* A copy with padding and no sum: y[n, c, i, j] = padded[n, c, i − 1, j − 1] + 1 */
static void make_padded_copy(Random *random, Example *example) {
    long shape[4] = {1 + random_index(random, 2), random_chance(random, 50) ? LANES : 3, 1 + random_index(random, 4),
                     1 + random_index(random, 4)};
    Compute *compute = new_computes(example, 1);
    Buffer *padded = new_prologue(random, example, shape);
    Buffer *y = new_tensor(random, example, "y", 4, (long[]){shape[0], shape[1], shape[2] + 2, shape[3] + 2});
    const Variable *n = add_variable(compute, "n", shape[0], false), *c = add_variable(compute, "c", shape[1], false);
    const Variable *i = add_variable(compute, "i", shape[2] + 2, false), *j = add_variable(compute, "j", shape[3] + 2, false);
    const Expression *inside = load4(padded, at(n), at(c), affine_shift(at(i), -1), affine_shift(at(j), -1));
    compute->store_count = 1;
    set_store(&compute->store[0], y, (Affine[]){at(n), at(c), at(i), at(j)}, op2(ADD, inside, constant(1)), false);
}

static const struct {
    const char *name;
    void (*make)(Random *random, Example *example);
} kinds[EXAMPLE_KINDS] = {
    {"convolution", make_convolution}, {"weight_gradient", make_weight_gradient}, {"phases", make_phases},
    {"product", make_product},         {"elementwise", make_elementwise},         {"statistics", make_statistics},
    {"padded_copy", make_padded_copy},
};

Example *random_example_of(Random *random, int kind) {
    Example *example = NEW(Example);
    example->kind = example->kernel.name = kinds[kind].name;
    kinds[kind].make(random, example);
    suit_lanes(random, example);
    for (int i = 0; i < example->tensor_count; i++) {
        size_t bytes = tensor_bytes(example->tensor[i]);
        example->elements[i] = arena_allocate(bytes);
        example->initial[i] = arena_allocate(bytes);
        example->expected[i] = arena_allocate(bytes);
        fill_tensor(random, example->tensor[i], example->initial[i]);
    }
    run_from_initial(example, &example->kernel, false);
    for (int i = 0; i < example->tensor_count; i++) memcpy(example->expected[i], example->elements[i], tensor_bytes(example->tensor[i]));
    return example;
}

Example *random_example(Random *random) {
    return random_example_of(random, (int)random_index(random, EXAMPLE_KINDS));
}
