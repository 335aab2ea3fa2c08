/* Schedules never change what is computed: random kernels with random schedules, after each directive, against the unscheduled run. Wrong
 * schedules are refused, by schedule_kernel or by the verifier. */
#include "../compiler/loop/loop_tree.h"
#include "../compiler/loop/print_loop.h"
#include "../compiler/loop/unroll.h"
#include "../compiler/schedule/schedule.h"
#include "../compiler/verify/verify.h"
#include "random_kernels.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *schedule_suite(void);

/* ---- random schedules ---- */

typedef enum {
    DIRECTIVE_NAIVE,
    DIRECTIVE_ORDER,
    DIRECTIVE_ACCUMULATE,
    DIRECTIVE_STAGE,
    DIRECTIVE_UNROLL,
    DIRECTIVE_VECTOR,
    DIRECTIVE_PARALLEL,
    DIRECTIVES
} Directive;
static const char *const directive_name[DIRECTIVES] = {"naive", "order", "accumulate", "stage", "unroll", "vector", "parallel"};

typedef struct Plan { /* everything that is drawn; directives enable parts of it */
    Schedule schedule;
    int shared;
    int parallel; /* outermost levels that may be parallel */
    bool unroll[MAX_LEVELS];
    bool vector; /* the innermost level may be a vector */
} Plan;

static int level_of(const Compute *compute, const char *name) {
    for (int i = 0; i < compute->variable_count; i++)
        if (strcmp(compute->variable[i]->name, name) == 0) return i;
    return -1;
}

/* Tiles for each variable, the last of them 1; those of the variable with vector lanes end in LANES, 1. */
static int draw_tiles(Random *random, long extent, bool lanes, long *tile) {
    int count = 0;
    if (lanes) {
        if (extent > LANES && random_chance(random, 40)) tile[count++] = LANES * (1 + random_index(random, extent / LANES));
        tile[count++] = LANES;
    } else {
        long most = extent;
        while (count < 2 && most > 1 && random_chance(random, 40)) most = tile[count++] = 1 + random_index(random, most);
        if (count && tile[count - 1] == 1) return count;
    }
    tile[count++] = 1;
    return count;
}

/* The variable that layouts are made for, or another; −1: none. */
static int draw_lanes(Random *random, const Example *example) {
    const Compute *compute = &example->kernel.compute[0];
    if (example->lanes && random_chance(random, 85)) return level_of(compute, example->lanes);
    int v = (int)random_index(random, compute->variable_count);
    return compute->reduced[v] ? -1 : v;
}

static void draw_stage(Random *random, const Example *example, Plan *plan, int lowest) {
    const Buffer *buffer = example->staged;
    Schedule *schedule = &plan->schedule;
    if (!buffer || !random_chance(random, 75)) return;
    int highest = schedule->accumulate >= 0 ? schedule->accumulate : schedule->levels - plan->vector;
    if (highest < lowest) return;
    Stage stage = {
        .buffer = buffer, .level = lowest + (int)random_index(random, highest - lowest + 1), .blocked = -1, .split = -1, .phased = -1};
    random_order(random, buffer->rank, stage.order);
    if (random_chance(random, 60)) {
        stage.split = random_chance(random, 90) ? 1 : (int)random_index(random, buffer->rank);
        stage.block = LANES;
        if (random_chance(random, 70)) stage.blocked = stage.split;
    } else if (random_chance(random, 50)) {
        stage.phased = (int)random_index(random, buffer->rank);
        stage.phases = 2 + random_index(random, 2);
    }
    schedule->stage[schedule->stages++] = stage;
}

static Plan draw_plan(Random *random, const Example *example) {
    const Compute *compute = &example->kernel.compute[0];
    Plan plan = {.schedule = {.lanes = LANES, .accumulate = -1}};
    Schedule *schedule = &plan.schedule;
    int lanes = random_chance(random, 70) ? draw_lanes(random, example) : -1;
    long tile[MAX_VARIABLES][4];
    int count[MAX_VARIABLES], next[MAX_VARIABLES] = {0}, left = 0;
    for (int i = 0; i < compute->variable_count; i++)
        left += count[i] = draw_tiles(random, compute->variable[i]->extent, i == lanes, tile[i]);
    int parallel = (int)random_index(random, 3);
    plan.vector = lanes >= 0;
    while (left > plan.vector) {
        int v = (int)random_index(random, compute->variable_count);
        if (next[v] == count[v] - (v == lanes)) continue;
        long t = tile[v][next[v]++];
        if (plan.parallel == schedule->levels && plan.parallel < parallel && !compute->reduced[v]) plan.parallel++;
        schedule->level[schedule->levels++] = (Level){compute->variable[v]->name, t, LOOP_SERIAL};
        left--;
    }
    if (plan.vector) schedule->level[schedule->levels++] = (Level){compute->variable[lanes]->name, 1, LOOP_SERIAL};
    int first_reduced = 0;
    while (first_reduced < schedule->levels && !compute->reduced[level_of(compute, schedule->level[first_reduced].variable)])
        first_reduced++;
    if (example->kernel.compute_count > 1) plan.shared = (int)random_index(random, minimum(first_reduced, schedule->levels - 1) + 1);
    if (plan.shared) plan.parallel = (int)minimum(plan.parallel, plan.shared);
    if (compute->sum_count) {
        int highest = example->plain ? schedule->levels - plan.vector : first_reduced, lowest = (int)maximum(plan.shared, plan.parallel);
        schedule->accumulate = lowest + (int)random_index(random, maximum(highest - lowest, 0) + 1);
    }
    for (int l = 0; l < schedule->levels; l++) plan.unroll[l] = random_chance(random, 30);
    draw_stage(random, example, &plan, plan.parallel);
    return plan;
}

/* The kernel with the directives of `on`. All computes have similar schedules. */
static Kernel planned(const Example *example, const Plan *plan, const bool *on) {
    Kernel kernel = example->kernel;
    kernel.schedule = NEW_ARRAY(Schedule, kernel.compute_count);
    for (int i = 0; i < kernel.compute_count; i++) {
        Schedule *schedule = &kernel.schedule[i];
        *schedule = naive_schedule(&kernel.compute[i]);
        if (!on[DIRECTIVE_ORDER]) continue;
        *schedule = plan->schedule;
        schedule->shared = plan->shared;
        if (!on[DIRECTIVE_ACCUMULATE] && plan->schedule.accumulate >= 0) schedule->accumulate = (int)maximum(plan->shared, plan->parallel);
        if (!on[DIRECTIVE_STAGE]) schedule->stages = 0;
        for (int l = 0; l < schedule->levels; l++) {
            if (on[DIRECTIVE_UNROLL] && plan->unroll[l]) schedule->level[l].kind = LOOP_UNROLL;
            if (on[DIRECTIVE_VECTOR] && plan->vector && l == schedule->levels - 1) schedule->level[l].kind = LOOP_VECTOR;
            if (on[DIRECTIVE_PARALLEL] && l < plan->parallel) schedule->level[l].kind = LOOP_PARALLEL;
        }
    }
    return kernel;
}

/* ---- results ---- */

static void fail_with(const Example *example, const Kernel *kernel, const char *what, uint64_t seed) {
    fprintf(stderr, "seed %llu, %s: %s\n", (unsigned long long)seed, example->kind, what);
    Kernel before = example->kernel;
    print_kernel(stderr, &before);
    for (int l = 0; kernel->schedule && l < kernel->schedule->levels; l++)
        fprintf(stderr, "  level %d: %s by %ld, kind %d\n", l, kernel->schedule->level[l].variable, kernel->schedule->level[l].tile,
                (int)kernel->schedule->level[l].kind);
    if (kernel->schedule)
        fprintf(stderr, "  shared %d, accumulate %d, stages %d at %d\n", kernel->schedule->shared, kernel->schedule->accumulate,
                kernel->schedule->stages, kernel->schedule->stage[0].level);
    if (kernel->tree) print_kernel(stderr, kernel);
    ck_abort_msg("seed %llu: %s", (unsigned long long)seed, what);
}

/* Reasons for which a schedule that is otherwise sensible may be refused. */
static const char *const limits[] = {
    "stage it",     "are not one box",  "is staged, but not read", "cannot be staged in blocks", "variables are left below",
    "vector lanes", "lanes are floats",
};

static bool is_limit(const char *why) {
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (strstr(why, limits[i])) return true;
    return false;
}

static bool has_scratch(const Statement *statement) {
    for (; statement; statement = statement->next) {
        if (statement->kind == STATEMENT_ASSIGN && statement->store[0].buffer->space == SPACE_SCRATCH) return true;
        if (has_scratch(statement->body) || has_scratch(statement->other)) return true;
    }
    return false;
}

/* Schedules, verifies and runs the kernel; false if the schedule is refused for a known limit. */
static bool gives_the_same(const Example *example, Kernel *kernel, const char *directive, uint64_t seed) {
    const char *why = NULL;
    if (!schedule_kernel(kernel, &why)) {
        if (!is_limit(why)) fail_with(example, kernel, format("after %s: schedule refused: %s", directive, why), seed);
        return false;
    }
    why = verify_kernel(kernel, LANES);
    if (why && is_limit(why)) return false;
    if (why) fail_with(example, kernel, format("after %s: %s", directive, why), seed);
    if (kernel->schedule->stages && !has_scratch(kernel->tree)) fail_with(example, kernel, "the stage was dropped", seed);
    for (int unrolled = 0; unrolled < 2; unrolled++) {
        if (unrolled) kernel->tree = unroll_loops(kernel->tree);
        for (int reverse = 0; reverse < 2; reverse++) {
            const char *differs = run_example(example, kernel, reverse);
            if (differs) fail_with(example, kernel, format("after %s: %s differs", directive, differs), seed);
        }
    }
    why = verify_kernel(kernel, LANES);
    if (why) fail_with(example, kernel, format("unrolled: %s", why), seed);
    return true;
}

enum { CHUNKS = 3, SEEDS = 20 }; /* each chunk is a separate process, which frees its memory */
static int accepted[DIRECTIVES], drawn[DIRECTIVES];

static void check_seed(uint64_t seed, int kind) {
    Random random = {seed};
    Example *example = random_example_of(&random, kind);
    Plan plan = draw_plan(&random, example);
    bool on[DIRECTIVES] = {false};
    const bool wanted[DIRECTIVES] = {
        true, true, plan.schedule.accumulate >= 0, plan.schedule.stages > 0, true, plan.vector, plan.parallel > 0};
    for (int d = 0; d < DIRECTIVES; d++) {
        if (!wanted[d]) continue;
        on[d] = true;
        drawn[d]++;
        Kernel kernel = planned(example, &plan, on);
        on[d] = gives_the_same(example, &kernel, directive_name[d], seed);
        accepted[d] += on[d];
    }
}

START_TEST(random_schedules_compute_what_the_kernel_says) {
    for (uint64_t seed = 0; seed < SEEDS; seed++) check_seed(seed + (uint64_t)_i * SEEDS, _i % EXAMPLE_KINDS);
    for (int d = 0; d < DIRECTIVES; d++) /* so that not everything is refused */
        ck_assert_msg(4 * accepted[d] >= drawn[d], "%s: only %d of %d accepted", directive_name[d], accepted[d], drawn[d]);
}
END_TEST

/* ---- wrong schedules ---- */

/* y[n, k] = Σ c x[n, c] · w[k, c]: n 4, k 8, c 6; levels n, k by 4, c, k vector, sums in registers at 2 */
static Kernel good_kernel(Schedule *schedule, Compute *compute) {
    Variable *n = new_variable("n", 4), *k = new_variable("k", 8), *c = new_variable("c", 6);
    long of_x[2] = {4, 6}, of_w[2] = {8, 6}, of_y[2] = {4, 8};
    Buffer *x = new_buffer("x", TYPE_F32, SPACE_TENSOR, 2, of_x, layout_row_major(2, of_x));
    Buffer *w = new_buffer("w", TYPE_F32, SPACE_TENSOR, 2, of_w, layout_blocked(2, of_w, 0, LANES));
    Buffer *y = new_buffer("y", TYPE_F32, SPACE_TENSOR, 2, of_y, layout_row_major(2, of_y));
    Affine at_n = affine_variable(n), at_k = affine_variable(k), at_c = affine_variable(c);
    *compute = (Compute){.variable_count = 3, .variable = {n, k, c}, .reduced = {false, false, true}, .sum_count = 1, .store_count = 1};
    compute->sum[0] = op2(MULTIPLY, load(x, (Affine[MAX_RANK]){at_n, at_c}), load(w, (Affine[MAX_RANK]){at_k, at_c}));
    compute->store[0] = (Store){.buffer = y, .index = {at_n, at_k}, .value = op2(ADD, sum_value(0, TYPE_F32), constant(1))};
    *schedule = (Schedule){.lanes = LANES, .levels = 4, .accumulate = 2};
    schedule->level[0] = (Level){"n", 1, LOOP_PARALLEL};
    schedule->level[1] = (Level){"k", 4, LOOP_PARALLEL};
    schedule->level[2] = (Level){"c", 1, LOOP_SERIAL};
    schedule->level[3] = (Level){"k", 1, LOOP_VECTOR};
    return (Kernel){.name = "good", .compute_count = 1, .compute = compute, .schedule = schedule};
}

static void unknown_variable(Schedule *s, Compute *c) {
    (void)c, s->level[0].variable = "m";
}
static void missing_level(Schedule *s, Compute *c) {
    (void)c, s->levels = 3;
}
static void tile_of_nothing(Schedule *s, Compute *c) {
    (void)c, s->level[1].tile = 0;
}
static void vector_not_innermost(Schedule *s, Compute *c) {
    (void)c, s->level[2].kind = LOOP_VECTOR;
}
static void vector_along_the_sum(Schedule *s, Compute *c) {
    (void)c;
    s->level[2] = (Level){"k", 1, LOOP_SERIAL};
    s->level[3] = (Level){"c", 1, LOOP_VECTOR};
}
static void vector_of_tiles(Schedule *s, Compute *c) {
    (void)c, s->level[3].tile = 2;
}
static void vector_wider_than_a_register(Schedule *s, Compute *c) {
    (void)c, s->level[1].tile = 8;
}
static void vector_over_strided_weights(Schedule *s, Compute *c) {
    (void)s;
    Buffer *w = (Buffer *)c->sum[0]->operand[1]->buffer;
    w->layout = layout_row_major(2, w->shape);
}
static void parallel_sum(Schedule *s, Compute *c) {
    (void)c;
    s->level[1] = (Level){"c", 1, LOOP_PARALLEL};
    s->level[2] = (Level){"k", 4, LOOP_SERIAL};
}
static void parallel_inside(Schedule *s, Compute *c) {
    (void)c, s->level[0].kind = LOOP_SERIAL;
}
static void registers_below_the_sum(Schedule *s, Compute *c) {
    (void)c, s->accumulate = 3;
}
static void registers_nowhere(Schedule *s, Compute *c) {
    (void)c, s->accumulate = -1;
}
static void registers_too_deep(Schedule *s, Compute *c) {
    (void)c, s->accumulate = 5;
}
static void registers_outside_of_threads(Schedule *s, Compute *c) {
    (void)c, s->accumulate = 1;
}
static void stage_of_what_is_not_read(Schedule *s, Compute *c) {
    (void)c;
    static Buffer other = {.name = "other", .space = SPACE_VIRTUAL, .rank = 1, .shape = {4}};
    s->stages = 1;
    s->stage[0] = (Stage){.buffer = &other, .level = 2, .blocked = -1, .split = -1, .phased = -1};
}
static void stage_outside_of_threads(Schedule *s, Compute *c) {
    stage_of_what_is_not_read(s, c);
    s->stage[0].level = 1;
}
static void store_that_all_iterations_share(Schedule *s, Compute *c) {
    (void)s, c->store[0].index[0] = affine_constant(0);
}
static void store_past_the_end(Schedule *s, Compute *c) {
    (void)s, c->store[0].index[0].constant = 1;
}
static void load_before_the_start(Schedule *s, Compute *c) {
    (void)s, ((Expression *)c->sum[0]->operand[0])->index[1].constant = -1;
}

static void asking_outside_of_threads(Schedule *s, Compute *c) {
    (void)c, s->ahead = (Ahead){.outer = 1, .inner = 3};
}
static void asking_outside_of_registers(Schedule *s, Compute *c) {
    (void)c, s->ahead = (Ahead){.outer = 2, .inner = 2};
}
static void asking_in_no_loop(Schedule *s, Compute *c) {
    (void)c, s->ahead = (Ahead){.outer = 2, .inner = 4};
}

static const struct {
    const char *name;
    void (*breaks)(Schedule *schedule, Compute *compute);
    const char *reason;
} broken[] = {
    {"unknown variable", unknown_variable, "there is no variable m"},
    {"missing level", missing_level, "no level steps through a tile"},
    {"tile of nothing", tile_of_nothing, "a tile of 0 of k"},
    {"vector not innermost", vector_not_innermost, "not innermost"},
    {"vector along the sum", vector_along_the_sum, "lanes cannot lie along c, which is summed over"},
    {"vector of tiles", vector_of_tiles, "over tiles of 2"},
    {"vector wider than a register", vector_wider_than_a_register, "a vector loop of 8 iterations; a vector has 4 lanes"},
    {"vector over strided weights", vector_over_strided_weights, "load from w with stride 6"},
    {"parallel sum", parallel_sum, "c is summed over, so it cannot be parallel"},
    {"parallel inside", parallel_inside, "is not outermost"},
    {"registers below the sum", registers_below_the_sum, "a sum that is split outside the registers"},
    {"registers outside of threads", registers_outside_of_threads, "at level 1, outside of a parallel loop"},
    {"stage outside of threads", stage_outside_of_threads, "other is staged at level 1, outside of a parallel loop"},
    {"registers nowhere", registers_nowhere, "no level at which sums can move to registers"},
    {"registers too deep", registers_too_deep, "no level at which sums can move to registers"},
    {"stage of what is not read", stage_of_what_is_not_read, "other is staged, but not read"},
    {"asking outside of threads", asking_outside_of_threads, "prefetches inside of 3 levels, for the outermost 1,"},
    {"asking outside of registers", asking_outside_of_registers, "prefetches inside of 2 levels, for the outermost 2,"},
    {"asking in no loop", asking_in_no_loop, "prefetches inside of 4 levels, for the outermost 2,"},
    {"store that all iterations share", store_that_all_iterations_share,
     "two iterations of the parallel loop over n may write the same element of y"},
    {"store past the end", store_past_the_end, "store of y out of bounds: dimension 0 takes 1 … 4"},
    {"load before the start", load_before_the_start, "load of x out of bounds: dimension 1 takes -1 … 4"},
};
enum { BROKEN = sizeof broken / sizeof *broken };

START_TEST(schedule_broken_on_purpose_is_refused) {
    Schedule schedule;
    Compute compute;
    Kernel kernel = good_kernel(&schedule, &compute);
    const char *why = NULL;
    ck_assert_msg(schedule_kernel(&kernel, &why), "%s", why);
    why = verify_kernel(&kernel, LANES);
    ck_assert_msg(!why, "%s", why);
    kernel = good_kernel(&schedule, &compute);
    broken[_i].breaks(&schedule, &compute);
    if (schedule_kernel(&kernel, &why)) why = verify_kernel(&kernel, LANES);
    else ck_assert_ptr_null(kernel.tree);
    ck_assert_msg(why, "%s was not refused", broken[_i].name);
    ck_assert_msg(strstr(why, broken[_i].reason), "%s: refused as '%s', not as '%s'", broken[_i].name, why, broken[_i].reason);
}
END_TEST

/* ---- partial sums ---- */

/* Statements that add to y. */
static int count_additions(const Statement *statement) {
    int count = 0;
    for (; statement; statement = statement->next) {
        count += count_additions(statement->body) + count_additions(statement->other);
        if (statement->kind == STATEMENT_ASSIGN)
            count += statement->store[0].accumulate && strcmp(statement->store[0].buffer->name, "y") == 0;
    }
    return count;
}

/* Partial sums are added up in memory. A loop over a single part adds nothing. */
START_TEST(a_sum_in_one_part_is_stored_and_not_added) {
    static const long tiles[] = {3, 5, 6, 7};
    Schedule schedule;
    Compute compute;
    Kernel kernel = good_kernel(&schedule, &compute);
    const char *why = NULL;
    compute.store[0].value = sum_value(0, TYPE_F32);
    schedule.levels = 5;
    schedule.accumulate = 3;
    schedule.level[4] = schedule.level[3];
    schedule.level[3] = schedule.level[2];
    schedule.level[2] = (Level){"c", tiles[_i], LOOP_SERIAL}; /* of 6 */
    ck_assert_msg(schedule_kernel(&kernel, &why), "%s", why);
    why = verify_kernel(&kernel, LANES);
    ck_assert_msg(!why, "%s", why);
    ck_assert_int_eq(count_additions(kernel.tree) > 0, tiles[_i] < 6);
}
END_TEST

/* ---- trees that are changed after scheduling ---- */

typedef struct Change { /* one random change at the place-th opportunity of its kind */
    Random *random;
    int kind, place;
    bool done;
} Change;

static void change_statement(Change *change, Statement *statement) {
    static const long shifts[] = {-1, 1, LANES, -LANES};
    long shift = shifts[random_index(change->random, 4)];
    switch (statement->kind) {
    case STATEMENT_LOOP:
        if (change->kind == 0) ((Variable *)statement->variable)->extent += 1;
        else if (change->kind == 1 && statement->loop == LOOP_SERIAL) statement->loop = LOOP_PARALLEL;
        else return;
        break;
    case STATEMENT_GUARD:
        if (change->kind == 2) statement->condition[0].limit += shift;
        else if (change->kind == 3) statement->condition[0].value.constant += shift;
        else return;
        break;
    default:
        return;
    case STATEMENT_ASSIGN: {
        Store *store = &statement->store[0];
        Affine *index = &store->index[random_index(change->random, store->buffer->rank)];
        if (change->kind == 4) index->constant += shift;
        else if (change->kind == 5 && index->count)
            *index = affine_add(*index, affine_scale(affine_variable(index->term[0].variable), shift));
        else if (change->kind == 6 && index->count) index->count--;
        else if (change->kind == 7) store->accumulate = !store->accumulate;
        else return;
        break;
    }
    }
    change->done = true;
}

enum { CHANGES = 8 };

static void change_tree(Change *change, Statement *statement) {
    for (; statement && !change->done; statement = statement->next) {
        if (change->place-- <= 0) change_statement(change, statement);
        change_tree(change, statement->body);
        change_tree(change, statement->other);
    }
}

/* The interpreter checks bounds, lanes and iterations as they happen, and aborts. It must never do so for a tree that the verifier accepts.
 * The order of parallel iterations must not matter. */
START_TEST(what_the_verifier_lets_pass_runs_without_a_violation) {
    int refused = 0, changed = 0;
    for (int n = 0; n < 40; n++) {
        Random random = {(uint64_t)(1000 * _i + n)};
        Example *example = random_example(&random);
        Plan plan = draw_plan(&random, example);
        bool on[DIRECTIVES];
        for (int d = 0; d < DIRECTIVES; d++) on[d] = random_chance(&random, 80) || d == DIRECTIVE_ORDER;
        Kernel kernel = planned(example, &plan, on);
        const char *why;
        if (!schedule_kernel(&kernel, &why) || verify_kernel(&kernel, LANES)) continue;
        Change change = {&random, (int)random_index(&random, CHANGES), (int)random_index(&random, 20), false};
        change_tree(&change, kernel.tree);
        changed += change.done;
        if (verify_kernel(&kernel, LANES)) {
            refused += change.done;
            continue;
        }
        run_from_initial(example, &kernel, false);
        for (int t = 0; t < example->tensor_count; t++)
            memcpy(example->expected[t], example->elements[t], tensor_bytes(example->tensor[t]));
        const char *differs = run_example(example, &kernel, true);
        if (differs) fail_with(example, &kernel, format("in reverse %s differs", differs), (uint64_t)n);
    }
    ck_assert_int_gt(changed, 5);
    ck_assert_int_gt(4 * refused, changed);
}
END_TEST

Suite *schedule_suite(void) {
    Suite *suite = suite_create("schedule");
    TCase *random = tcase_create("random");
    tcase_set_timeout(random, 60);
    tcase_add_loop_test(random, random_schedules_compute_what_the_kernel_says, 0, CHUNKS * EXAMPLE_KINDS);
    tcase_add_loop_test(random, what_the_verifier_lets_pass_runs_without_a_violation, 0, 8);
    suite_add_tcase(suite, random);
    TCase *wrong = tcase_create("wrong");
    tcase_add_loop_test(wrong, schedule_broken_on_purpose_is_refused, 0, BROKEN);
    tcase_add_loop_test(wrong, a_sum_in_one_part_is_stored_and_not_added, 0, 4);
    suite_add_tcase(suite, wrong);
    return suite;
}
