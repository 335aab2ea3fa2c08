/* Emit: kernels built by hand are printed for each target, compiled by the machine's C compilers without a warning, and run. The printed
 * program compares its results with the plain C in emit_checks.h. */
#include "../compiler/emit/emit.h"
#include "../compiler/emit/emitter.h"
#include "../compiler/lower/program_heads.h"
#include "compiled_files.h"
#include "cpu.h"
#include "trees.h"

#include <check.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SPECIALS = 24 }; /* of emit_checks.h; every operation gets each pair of them */

/* ---- kernels ---- */

static Affine at(const Variable *variable) {
    return affine_variable(variable);
}

static Kernel named(const char *name, Statement *tree) {
    Kernel kernel = kernel_of(tree);
    kernel.name = name;
    kernel.comment = format("%s\nmade by hand", name);
    return kernel;
}

static Buffer *typed_buffer(const char *name, Type type, Space space, long rows, long columns) {
    const long shape[2] = {rows, columns};
    return new_buffer(name, type, space, 2, shape, layout_row_major(2, shape));
}

/* out[r, lane] = operation(a, b, c, d) in vectors, and again element by element; operands of every kind of value. */
static Kernel operation_kernel(ExpressionKind kind, bool vector, Type type, int lanes) {
    const long rows = SPECIALS * SPECIALS / 16 * (16 / lanes);
    const Variable *r = new_variable("r", rows), *lane = new_variable("lane", lanes);
    const char *names[] = {"a", "b", "c", "d"};
    const Expression *operand[4] = {NULL};
    for (int i = 0; i < expression_operands(kind); i++)
        operand[i] = load_at(typed_buffer(names[i], operand_type(kind, i, type), SPACE_TENSOR, rows, lanes), at(r), at(lane));
    const Expression *value = operation(kind, operand[0], operand[1], operand[2], operand[3]);
    const Buffer *out = typed_buffer("out", type, SPACE_TENSOR, rows, lanes);
    Statement *inner = loop(lane, vector ? LOOP_VECTOR : LOOP_SERIAL, assign(out, at(r), at(lane), value));
    return named(format("%s_%s", expression_name(kind),
                        vector             ? "vector"
                        : type == TYPE_F64 ? "double"
                                           : "scalar"),
                 loop(r, LOOP_SERIAL, inner));
}

/* y[n, i, j, k] += Σ_c x[n, i + j, c] · w[c, k], 6 × 2 vectors in registers: a register tile like a convolution's. */
static Kernel tile_kernel(int lanes) {
    const Variable *n = new_variable("n", 5), *i = new_variable("i", 3), *c = new_variable("c", 64);
    const Variable *j = new_variable("j", 6), *k = new_variable("k", 2), *lane = new_variable("lane", lanes);
    const Buffer *x = buffer_of("x", SPACE_TENSOR, 5 * 8, 64), *w = buffer_of("w", SPACE_TENSOR, 64, 2 * lanes);
    const Buffer *y = buffer_of("y", SPACE_TENSOR, 5 * 3 * 6, 2 * lanes), *sum = buffer_of("sum", SPACE_REGISTER, 6, 2 * lanes);
    Affine column = sum_of(of(k, lanes, 0), at(lane)), row = sum_of(sum_of(of(n, 18, 0), of(i, 6, 0)), at(j));
    Affine pixel = sum_of(sum_of(of(n, 8, 0), at(i)), at(j));
#define TILE(body) loop(j, LOOP_UNROLL, loop(k, LOOP_UNROLL, loop(lane, LOOP_VECTOR, body)))
    Statement *zeros = TILE(assign(sum, at(j), column, constant(0)));
    Statement *products =
        loop(c, LOOP_SERIAL, TILE(accumulate(sum, at(j), column, op2(MULTIPLY, load_at(x, pixel, at(c)), load_at(w, at(c), column)))));
    Statement *stores = TILE(accumulate(y, row, column, load_at(sum, at(j), column)));
    return named("tile", loop(n, LOOP_PARALLEL, loop(i, LOOP_PARALLEL, followed_by(zeros, followed_by(products, stores)))));
}

/* The tail of such a tile, element by element. It must round as vectors do. */
static Kernel tail_kernel(void) {
    const Variable *n = new_variable("n", 5), *c = new_variable("c", 64), *k = new_variable("k", 3);
    const Buffer *x = buffer_of("x", SPACE_TENSOR, 5 * 8, 64), *w = buffer_of("w", SPACE_TENSOR, 64, 3);
    const Buffer *y = buffer_of("y", SPACE_TENSOR, 5, 3), *sum = buffer_of("sum", SPACE_REGISTER, 1, 3);
    Statement *zeros = loop(k, LOOP_UNROLL, assign(sum, zero(), at(k), constant(0)));
    Statement *products =
        loop(c, LOOP_SERIAL,
             loop(k, LOOP_UNROLL, accumulate(sum, zero(), at(k), op2(MULTIPLY, load_at(x, of(n, 8, 0), at(c)), load_at(w, at(c), at(k))))));
    Statement *stores = loop(k, LOOP_UNROLL, assign(y, at(n), at(k), load_at(sum, zero(), at(k))));
    return named("tail", loop(n, LOOP_PARALLEL, followed_by(zeros, followed_by(products, stores))));
}

/* y[n, i] = 0 ≤ i − 2 < 8 ? x[n, i − 2] : −1, by way of scratch, at step `time` of 3. */
static Kernel guard_kernel(void) {
    const Variable *n = new_variable("n", 7), *i = new_variable("i", 12), *time = new_variable("step", 3);
    const Buffer *x = buffer_of("x", SPACE_TENSOR, 7 * 3, 8), *y = buffer_of("y", SPACE_TENSOR, 7, 12);
    Buffer *row = buffer_of("row", SPACE_SCRATCH, 1, 12);
    row->offset = 64;
    Statement *inside = assign(row, zero(), at(i), load_at(x, sum_of(of(n, 3, 0), at(time)), of(i, 1, -2)));
    Statement *fill = loop(i, LOOP_SERIAL, guard(of(i, 1, -2), 8, inside, assign(row, zero(), at(i), constant(-1))));
    Statement *copy = loop(i, LOOP_SERIAL, assign(y, at(n), at(i), load_at(row, zero(), at(i))));
    Kernel kernel = named("guards", loop(n, LOOP_PARALLEL, followed_by(fill, copy)));
    kernel.time = time;
    kernel.scratch_size = 128;
    return kernel;
}

/* Twice x[0] ↔ x[1] at once, then y = x[0] · x[0] + x[1], x[0] = y, y = x[0] + y: loads and stores of one address. */
static Kernel order_kernel(void) {
    const Variable *r = new_variable("r", 4);
    const Buffer *x = buffer_of("x", SPACE_TENSOR, 4, 2), *y = buffer_of("y", SPACE_TENSOR, 4, 1),
                 *t = buffer_of("t", SPACE_REGISTER, 1, 2);
    const Expression *first = load_at(x, at(r), zero()), *second = load_at(x, at(r), affine_constant(1));
    Statement *swap = assign(x, at(r), zero(), second);
    swap->store[1] = (Store){.buffer = x, .index = {at(r), affine_constant(1)}, .value = first};
    swap->store_count = 2;
    Statement *set = followed_by(assign(t, zero(), zero(), first), assign(t, zero(), affine_constant(1), second));
    const Expression *t0 = load_at(t, zero(), zero()), *t1 = load_at(t, zero(), affine_constant(1));
    Statement *swap_registers = assign(t, zero(), zero(), t1);
    swap_registers->store[1] = (Store){.buffer = t, .index = {zero(), affine_constant(1)}, .value = t0};
    swap_registers->store_count = 2;
    Statement *back = followed_by(assign(x, at(r), zero(), t0), assign(x, at(r), affine_constant(1), op2(ADD, t1, constant(1))));
    Statement *last = assign(y, at(r), zero(), op2(ADD, op2(MULTIPLY, first, first), second));
    last = followed_by(last, followed_by(assign(x, at(r), zero(), load_at(y, at(r), zero())), accumulate(y, at(r), zero(), first)));
    return named("order", loop(r, LOOP_SERIAL, followed_by(swap, followed_by(set, followed_by(swap_registers, followed_by(back, last))))));
}

/* A vector and an element in the middle of it: the next load of one sees what was stored to the other. */
static Kernel overlap_kernel(int lanes) {
    const Variable *a = new_variable("lane", lanes), *b = new_variable("lane", lanes), *c = new_variable("lane", lanes);
    const Buffer *x = buffer_of("x", SPACE_TENSOR, 1, lanes), *y = buffer_of("y", SPACE_TENSOR, 3, lanes);
    const Affine one = affine_constant(1), two = affine_constant(2);
    const Expression *element = load_at(x, zero(), one);
    Statement *before =
        followed_by(loop(a, LOOP_VECTOR, assign(y, zero(), at(a), load_at(x, zero(), at(a)))), assign(y, two, zero(), element));
    Statement *element_stored =
        followed_by(assign(x, zero(), one, constant(5)), loop(b, LOOP_VECTOR, assign(y, one, at(b), load_at(x, zero(), at(b)))));
    Statement *vector_stored =
        followed_by(loop(c, LOOP_VECTOR, assign(x, zero(), at(c), op2(ADD, load_at(y, zero(), at(c)), load_at(y, zero(), at(c))))),
                    assign(y, two, one, element));
    return named("overlap", followed_by(before, followed_by(element_stored, vector_stored)));
}

/* Sums in double of float vectors, and a kernel of two regions: means[k] = Σ_n x[n, k] / 6, then x[n, k] −= means[k]. */
static Kernel double_kernel(int lanes) {
    const Variable *n = new_variable("n", 6), *m = new_variable("m", 6), *lane = new_variable("lane", lanes), *k = new_variable("k", 1);
    const Buffer *x = buffer_of("x", SPACE_TENSOR, 6, lanes), *means = buffer_of("means", SPACE_TENSOR, 1, lanes);
    const Buffer *sum = typed_buffer("sum", TYPE_F64, SPACE_REGISTER, 1, lanes);
    Statement *zeros = loop(lane, LOOP_VECTOR, assign(sum, zero(), at(lane), constant_f64(0)));
    Statement *sums =
        loop(n, LOOP_SERIAL, loop(lane, LOOP_VECTOR, accumulate(sum, zero(), at(lane), op1(WIDEN, load_at(x, at(n), at(lane))))));
    Statement *stores =
        loop(lane, LOOP_VECTOR, assign(means, zero(), at(lane), op1(NARROW, op2(DIVIDE, load_at(sum, zero(), at(lane)), constant_f64(6)))));
    Statement *first = loop(k, LOOP_PARALLEL, followed_by(zeros, followed_by(sums, stores)));
    Statement *centre = loop(
        m, LOOP_PARALLEL,
        loop(lane, LOOP_VECTOR, assign(x, at(m), at(lane), op2(SUBTRACT, load_at(x, at(m), at(lane)), load_at(means, zero(), at(lane))))));
    return named("centred", followed_by(first, centre));
}

/* y[n, lane] = x[n, lane] · 2, stored past the caches if the target can; the next kernel reads y. */
static Kernel past_kernel(const Target *target) {
    const Variable *n = new_variable("n", 12), *lane = new_variable("lane", target->lanes);
    const Buffer *x = buffer_of("x", SPACE_TENSOR, 12, target->lanes), *y = buffer_of("y", SPACE_TENSOR, 12, target->lanes);
    Statement *store = assign(y, at(n), at(lane), op2(MULTIPLY, load_at(x, at(n), at(lane)), constant(2)));
    store->store[0].nontemporal = target->nontemporal;
    return named("past", loop(n, LOOP_PARALLEL, loop(lane, LOOP_VECTOR, store)));
}

/* out[r, lane] = every value of a narrow type, as a float or a pair. */
static Kernel narrow_kernel(Type type, bool vector, int lanes) {
    const long rows = (type == TYPE_I8 ? 256 : 65536) / lanes;
    const Variable *r = new_variable("r", rows), *lane = new_variable("lane", lanes);
    const Buffer *in = typed_buffer("in", type, SPACE_TENSOR, rows, lanes);
    const Buffer *out = typed_buffer("out", value_type(type), SPACE_TENSOR, rows, lanes);
    Statement *inner = loop(lane, vector ? LOOP_VECTOR : LOOP_SERIAL, assign(out, at(r), at(lane), load_at(in, at(r), at(lane))));
    const char *name = type == TYPE_I8_PAIR ? "i8_pairs" : type_names[type];
    return named(format("%s_%s", name, vector ? "vector" : "scalar"), loop(r, LOOP_SERIAL, inner));
}

/* ---- a program of them ---- */

static void add_operation(CBlock *file, Text *checks, const Target *target, HelperSet *helpers, ExpressionKind kind, int form) {
    static const char *const types[] = {"float", "float", "double"}, *const operands[] = {"", ", A", ", A, B", ", A, B, C", ", A, B, C, D"};
    const char *to = types[form], *from = kind == EXPRESSION_WIDEN ? "float" : kind == EXPRESSION_NARROW ? "double" : to;
    Kernel kernel = operation_kernel(kind, form == 0, form == 2 ? TYPE_F64 : TYPE_F32, target->lanes);
    emit_kernel(file, &kernel, kernel.name, target, 0, helpers);
    text_add(checks, " \\\n    CHECK(%s, %s, %s, %d, %s(out%s, 1))", expression_name(kind), from, to, kind != EXPRESSION_ROUND, kernel.name,
             operands[expression_operands(kind)]);
}

static bool is_of_pairs(ExpressionKind kind) {
    return kind == EXPRESSION_PAIR || kind == EXPRESSION_DOT || kind == EXPRESSION_DOT_ADD;
}

static void add_pair_operation(CBlock *file, Text *checks, const Target *target, HelperSet *helpers, ExpressionKind kind) {
    for (int vector = 0; vector < 2; vector++) {
        Kernel kernel = operation_kernel(kind, vector, kind == EXPRESSION_PAIR ? TYPE_PAIR : TYPE_F32, target->lanes);
        emit_kernel(file, &kernel, kernel.name, target, 0, helpers);
        text_add(checks, " \\\n    CHECK_%s(%s)", expression_name(kind), kernel.name);
    }
}

static const char *program_for(const Target *target) {
    HelperSet helpers = {0};
    CBlock *file = c_block();
    Text checks = {0}, out = {0};
    for (int kind = EXPRESSION_SUM + 1; kind < EXPRESSION_KINDS; kind++) {
        if (is_of_pairs((ExpressionKind)kind)) {
            if (target->pairs) add_pair_operation(file, &checks, target, &helpers, (ExpressionKind)kind);
            continue;
        }
        for (int form = 0; form < 3; form++) { /* in vectors, in floats, in doubles */
            bool converts = kind == EXPRESSION_WIDEN || kind == EXPRESSION_NARROW;
            if (!converts || form == (kind == EXPRESSION_WIDEN ? 2 : 1))
                add_operation(file, &checks, target, &helpers, (ExpressionKind)kind, form);
        }
    }
    const Kernel kernels[] = {
        tile_kernel(target->lanes),   tail_kernel(),      guard_kernel(), order_kernel(), overlap_kernel(target->lanes),
        double_kernel(target->lanes), past_kernel(target)};
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        emit_kernel(file, &kernels[i], kernels[i].name, target, kernels[i].scratch_size, &helpers);
    for (Type type = TYPE_F16; type < TYPES; type++)
        for (int vector = 0; vector < 2 && (target->pairs || value_type(type) != TYPE_PAIR); vector++) {
            const Kernel kernel = narrow_kernel(type, vector == 1, target->lanes);
            emit_kernel(file, &kernel, kernel.name, target, 0, &helpers);
        }
    emit_prologue(&out, target, "A test.", "#include \"model.h\"\n", &helpers);
    c_print(&out, file, 0);
    if (target->pairs) text_add(&out, "#define PAIRS\n");
    text_add(&out, "#define LANES %d\n#define FUSED %d\n#define CHECK_OPERATIONS%s\n#include \"emit_checks.h\"\n", target->lanes,
             target->fused, checks.bytes);
    emit_epilogue(&out, target);
    return out.bytes;
}

/* Compiles and runs the program of one target; `flags` after the warnings. */
static void compile_and_run(const Target *target, const char *compiler, const char *flags, const char *runner) {
    const char *path = write_code(format("%s.c", target->name), program_for(target)), *program = code_path(target->name);
    run_command(format("%s %s %s -Icompiler -Iruntime -Itests -o %s %s -lm", compiler, STRICT, flags, program, path));
    run_command(format("%s%s", runner, program));
}

START_TEST(every_target_computes_what_the_kernels_say) {
    const Target *target = any_target(_i);
    if (cpu_has(target)) compile_and_run(target, "cc", "-std=c11 -O2 -fopenmp", "");
    else if (strcmp(target->name, "neon") == 0 && has_program("aarch64-linux-gnu-gcc") && has_program("qemu-aarch64"))
        compile_and_run(target, "aarch64-linux-gnu-gcc", "-std=c11 -O2", "qemu-aarch64 -L /usr/aarch64-linux-gnu ");
    else printf("skipped: %s, which this machine cannot run\n", target->name);
}
END_TEST

START_TEST(contraction_and_optimisation_change_no_bits) {
    const Target *target = find_target("avx2");
    if (!cpu_has(target)) return;
    compile_and_run(target, "cc", "-std=gnu17 -O0", "");
    if (has_program("clang")) compile_and_run(target, "clang", "-std=gnu17 -O1", "");
    /* The generic target fuses nothing, even if the machine and the flags would. */
    compile_and_run(find_target("generic"), "cc", "-std=gnu17 -O2 -mavx2 -mfma -ffp-contract=fast", "");
    if (has_program("clang")) compile_and_run(find_target("generic"), "clang", "-std=gnu17 -O2 -mavx2 -mfma", "");
}
END_TEST

/* A compiler without the vector extension: the same checks, bit for bit. */
START_TEST(the_generic_target_needs_no_extension) {
    compile_and_run(find_target("generic"), "cc", "-std=c11 -O1 -DPLAIN_C", "");
}
END_TEST

START_TEST(every_file_is_accepted_by_both_compilers) {
    const char *path = write_code(format("%s.c", any_target(_i)->name), program_for(any_target(_i)));
    /* Without optimisation, gcc's intrinsics are macros, which cause warnings. */
    run_command(format("cc %s -std=gnu17 -Icompiler -Iruntime -Itests -fsyntax-only %s", STRICT, path));
    if (has_program("clang")) run_command(format("clang %s -std=c11 -Icompiler -Iruntime -Itests -fsyntax-only %s", STRICT, path));
}
END_TEST

START_TEST(a_register_tile_reads_like_hand_written_code) {
    HelperSet helpers = {0};
    CBlock *file = c_block();
    Text text = {0};
    const Kernel kernel = tile_kernel(8);
    emit_kernel(file, &kernel, kernel.name, find_target("avx2"), 0, &helpers);
    c_print(&text, file, 0);
    static const char *const wanted[] = {
        "const ptrdiff_t n = item / 3;\n",
        "const ptrdiff_t i = item % 3;\n",
        "__m256 sum_0_0 = _mm256_setzero_ps();\n",
        "for (ptrdiff_t c = 0; c < 64; c++) {\n",
        "const float *const x_at = &x[512 * n + 64 * i + c];\n",
        "const __m256 x_5 = _mm256_set1_ps(x_at[320]);\n",
        "const __m256 w_1 = _mm256_loadu_ps(&w[16 * c + 8]);\n",
        "sum_5_1 = _mm256_fmadd_ps(x_5, w_1, sum_5_1);\n",
        "#pragma omp parallel for num_threads(threads) schedule(static)\n",
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        ck_assert_msg(strstr(text.bytes, wanted[i]) != NULL, "missing: %sin\n%s", wanted[i], text.bytes);
    ck_assert_ptr_null(strstr(text.bytes, "x_6")); /* each pixel is broadcast once, each weight loaded once */
    ck_assert_ptr_null(strstr(text.bytes, "w_2"));
}
END_TEST

START_TEST(equal_input_gives_equal_bytes) {
    ck_assert_str_eq(program_for(targets[0]), program_for(targets[0]));
}
END_TEST

/* ---- a whole file ---- */

static Buffer *placed(const char *name, Type type, Place place, long rows, long offset) {
    Buffer *buffer = typed_buffer(name, type, SPACE_TENSOR, rows, 1);
    Tensor *tensor = NEW(Tensor);
    *tensor = (Tensor){.buffer = buffer,
                       .place = place,
                       .field = type == TYPE_F64 ? "loss" : "x",
                       .bytes = rows * (type == TYPE_F64 ? 8 : 4),
                       .offset = offset};
    buffer->owner = tensor;
    return buffer;
}

/* workspace = 2 workspace + x[time] in each step of a scan: the result shows the order of the steps. */
static Kernel *fold_kernel(const char *x_name) {
    const Variable *time = new_variable("time", 3);
    const Buffer *state = placed("state", TYPE_F32, PLACE_WORKSPACE, 1, 64), *x = placed(x_name, TYPE_F32, PLACE_STEP, 3, 0);
    const Expression *twice = op2(MULTIPLY, constant(2), load_at(state, zero(), zero()));
    Kernel *kernel = NEW(Kernel);
    *kernel = named("fold", assign(state, zero(), zero(), op2(ADD, twice, load_at(x, at(time), zero()))));
    kernel->time = time;
    return kernel;
}

static Kernel *loss_kernel(void) {
    const Buffer *state = placed("state", TYPE_F32, PLACE_WORKSPACE, 1, 64), *loss = placed("loss", TYPE_F64, PLACE_STEP, 1, 0);
    Kernel *kernel = NEW(Kernel);
    *kernel = named("loss", assign(loss, zero(), zero(), op1(WIDEN, load_at(state, zero(), zero()))));
    return kernel;
}

static Program program_of(const ProgramHead *head, const Kernel *body, Scan *scan, const Kernel *last) {
    Program program = {
        .name = head->name, .comment = "", .signature = head->signature, .measured = true, .call_count = 2, .call = NEW_ARRAY(Call, 2)};
    program.call[0] = (Call){body, scan};
    program.call[1] = (Call){last, NULL};
    return program;
}

START_TEST(a_file_runs_scans_in_their_order_and_prints_equal_kernels_once) {
    Spec spec = {.name = "sample", .canonical = "name: sample \"?\"\n", .loss = LOSS_L1, .optimizer = {.learning_rate = 1e-4}};
    Parameter weight = {.name = "a.weight", .trained = true, .rank = 1, .shape = {2}, .count = 2, .bound = 1.0 / 3};
    ParameterGroup group = {.name = "all"};
    weight.group = &group;
    Graph graph = {.spec = &spec,
                   .parameter_count = 1,
                   .parameter = (Parameter *[]){&weight},
                   .group_count = 1,
                   .group = (ParameterGroup *[]){&group}};
    Node x = {.rank = 1, .shape = {3}}, loss = {.rank = 1, .shape = {1}};
    name_node(&graph, ROLE_INPUT, "x", &x);
    name_node(&graph, ROLE_LOSS, "loss", &loss);
    const Model model = {.spec = &spec, .graphs = {.step_count = 1, .step = (Graph *[]){&graph}, .evaluation = &graph}};
    Scan forward = {.steps = 3}, backward = {.steps = 3, .reverse = true};
    TargetCode code = {.target = find_target("generic"), .workspace_bytes = 128};
    int heads;
    const ProgramHead *head = program_heads(&model.graphs, &heads);
    ck_assert_int_eq(heads, 2);
    *add_program(&code, &head[0]) = program_of(&head[0], fold_kernel("x"), &forward, loss_kernel());
    *add_program(&code, &head[1]) = program_of(&head[1], fold_kernel("other_name"), &backward, loss_kernel());
    Text target_file = {0}, model_file = {0};
    emit_target_file(&target_file, &spec, &code, "");
    emit_model_file(&model_file, &model, &code.target, 1, "");
    const char *first = strstr(target_file.bytes, "static void fold(");
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_null(strstr(first + 1, "static void fold(")); /* the two differ in the name of a tensor only */
    static const char checks[] =
        "#include \"model.h\"\n"
        "int main(void) {\n"
        "    const float x[3] = {1, 2, 3};\n"
        "    double train = 0, evaluate = 0;\n"
        "    _Alignas(64) float workspace[32] = {0};\n"
        "    const ModelTarget *target = model_description.targets[0];\n"
        "    const float *const input[] = {x};\n"
        "    target->program[0].run(&(ModelStep){.input = input, .loss = &train, .workspace = workspace, .threads = 1});\n"
        "    workspace[16] = 0;\n"
        "    target->program[1].run(&(ModelStep){.input = input, .loss = &evaluate, .workspace = workspace, .threads = 1});\n"
        "    const bool tables = model_description.parameters[0].bound == 1.0 / 3 && model_description.loss_is_l1;\n"
        "    return !(train == 11 && evaluate == 17 && tables && target->available());\n"
        "}\n";
    const char *program = code_path("sample");
    run_command(format("cc %s -std=c11 -Iruntime -o %s %s %s %s -lm", STRICT, program, write_code("sample_generic.c", target_file.bytes),
                       write_code("sample_model.c", model_file.bytes), write_code("main.c", checks)));
    run_command(program);
    if (has_program("clang")) run_command(format("clang %s -std=c11 -Iruntime -fsyntax-only %s", STRICT, code_path("sample_generic.c")));
}
END_TEST

/* Whoever adds a target reads it when `compile` stops. */
START_TEST(a_target_without_a_place_in_the_order_is_named) {
    const Target *const *const lists[] = {targets, bf16_targets, inference_targets};
    for (int i = 0; i < 3; i++)
        for (int k = 0; lists[i][k]; k++) sort_targets(&(const Target *){lists[i][k]}, 1);
    Target added = *find_target("generic");
    added.name = "added";
    const Target *list[] = {&added, find_target("generic")};
    const char *said = code_path("said");
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        if (freopen(said, "w", stderr) && setvbuf(stderr, NULL, _IONBF, 0) == 0) sort_targets(list, 2);
        _exit(0);
    }
    int status;
    ck_assert(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    run_command(format("grep -q 'added has no place in preference\\[\\] of target.c' %s", said));
}
END_TEST

Suite *emit_suite(void);
Suite *emit_suite(void) {
    Suite *suite = suite_create("emit");
    TCase *test_case = tcase_create("emit");
    tcase_add_checked_fixture(test_case, make_code_folder, remove_code_folder);
    tcase_set_timeout(test_case, 60);
    tcase_add_loop_test(test_case, every_target_computes_what_the_kernels_say, 0, count_targets() + BF16_TARGETS);
    tcase_add_test(test_case, contraction_and_optimisation_change_no_bits);
    tcase_add_test(test_case, the_generic_target_needs_no_extension);
    tcase_add_loop_test(test_case, every_file_is_accepted_by_both_compilers, 0, count_targets() + BF16_TARGETS);
    tcase_add_test(test_case, a_register_tile_reads_like_hand_written_code);
    tcase_add_test(test_case, equal_input_gives_equal_bytes);
    tcase_add_test(test_case, a_file_runs_scans_in_their_order_and_prints_equal_kernels_once);
    tcase_add_test(test_case, a_target_without_a_place_in_the_order_is_named);
    suite_add_tcase(suite, test_case);
    return suite;
}
