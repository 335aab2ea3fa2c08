/* --max-ram: what is recomputed costs the least, memory is predicted to the byte, and the graph is sound. test_lower.c and trainers
 * (slow/recompute.sh) show that it computes the same bits. */
#include "../compiler/graph/build_graph.h"
#include "cpu.h"
#include "lowered.h"
#include "sample_graphs.h"

#include "../compiler/pipeline/pipeline.h"
#include "../compiler/recompute/recompute.h"
#include "../compiler/recompute/recompute_search.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

Suite *recompute_suite(void);

/* Layers of one size. Recomputing the results between them pays, even several times. */
static const Spec *deep_spec(void) {
    static Layer encoder[6], decoder[1];
    static Spec spec = {.name = "deep", .T = 2, .channels = 1, .height = 16, .width = 16};
    for (int i = 0; i < 6; i++)
        encoder[i] =
            (Layer){false, 8 + i % 2 * 8, {3, 3}, {1, 1}, {1, 1}, {0, 0}, true, i % 3 ? NORM_BATCH : NORM_NONE, ACTIVATION_RELU, 0, {0, 0}};
    decoder[0] = (Layer){true, 1, {3, 3}, {1, 1}, {1, 1}, {0, 0}, true, NORM_NONE, ACTIVATION_TANH, 0, {0, 0}};
    spec.encoder = encoder, spec.decoder = decoder, spec.encoder_count = 6, spec.decoder_count = 1;
    spec.training.batch = 2;
    return &spec;
}

enum { SPECS = SAMPLE_SPECS + 3, NEGATIVE_SLOPE = 4 };

static const Spec *spec_number(int number) {
    static Spec pairs;
    pairs = *gru_ae_spec();
    pairs.precision = COMPUTE_BF16;
    return number < SAMPLE_SPECS ? sample_spec(number) : number == SAMPLE_SPECS ? deep_spec() : number < SPECS - 1 ? gru_ae_spec() : &pairs;
}

static const Target *const *targets_of(const Spec *spec) {
    return spec->precision == COMPUTE_BF16 ? bf16_targets : targets;
}

typedef struct Plain { /* a spec for one target, with everything stored */
    Graph *training, *evaluation;
    TargetCode *code;
    Footprint *footprint;
} Plain;

static Plain plain_of(const Spec *spec, const Target *target) {
    Plain plain = {.training = build_graph(spec, true), .evaluation = build_graph(spec, false)};
    differentiate_spec(plain.training);
    plain.code = compile_both(plain.training, plain.evaluation, target, &default_choices);
    plain.footprint = find_footprint(plain.code, 1, 0);
    return plain;
}

static double step_flops(const TargetCode *code) {
    double flops = 0;
    for (int i = 0; i < program_named(code, "train")->call_count; i++)
        flops += program_named(code, "train")->call[i].kernel->flops *
                 (program_named(code, "train")->call[i].scan ? (double)program_named(code, "train")->call[i].scan->steps : 1);
    return flops;
}

static TargetCode *lower_with(const Plain *plain, const Keeping *keeping) {
    Graph *graph = graph_of(plain->training, sequence_with(plain->footprint, keeping));
    verify_graph(graph);
    return compile_both(graph, plain->evaluation, plain->code->target, &default_choices);
}

START_TEST(memory_and_work_are_foreseen_to_the_byte) {
    const Spec *spec = spec_number(_i);
    for (int t = 0; targets_of(spec)[t]; t++) {
        const Plain plain = plain_of(spec, targets_of(spec)[t]);
        ck_assert_int_gt(plain.footprint->candidates, 0);
        Keeping *keeping = NEW_ARRAY(Keeping, plain.footprint->candidates);
        for (int round = 0; round < 12; round++) {
            for (int i = 0; i < plain.footprint->candidates; i++)
                keeping[i] =
                    round < KEEPINGS ? (Keeping)round : (Keeping)((sample_value((uint64_t)round, i) + 1) * KEEPINGS / 2); /* same, mixed */
            const Need need = find_need(plain.footprint, keeping, 0, LONG_MAX);
            const TargetCode *code = lower_with(&plain, keeping);
            const double flops = step_flops(code) - step_flops(plain.code);
            /* If a slope is negative, its gradient reads the convolution. If that is another, the activation ends the kernel of the
             * first, as it could not before. */
            const bool less = _i == NEGATIVE_SLOPE && code->workspace_bytes <= need.bytes && flops <= need.flops;
            ck_assert(less || (code->workspace_bytes == need.bytes && flops == need.flops));
            ck_assert_int_eq(code->kept_bytes, plain.code->kept_bytes);
            ck_assert_int_eq(code->scratch_bytes, plain.code->scratch_bytes);
        }
    }
}
END_TEST

/* If nothing is recomputed, the graph is the original one, node by node. */
START_TEST(storing_everything_changes_nothing) {
    const Plain plain = plain_of(spec_number(_i), targets_of(spec_number(_i))[0]);
    Keeping *keeping = NEW_ARRAY(Keeping, plain.footprint->candidates);
    const Graph *graph = graph_of(plain.training, sequence_with(plain.footprint, keeping));
    char *text[2] = {0};
    size_t length[2];
    const Graph *graphs[2] = {plain.training, graph};
    for (int i = 0; i < plain.training->node_count; i++) plain.training->node[i]->fused = false;
    for (int i = 0; i < 2; i++) {
        FILE *out = open_memstream(&text[i], &length[i]);
        print_graph(out, graphs[i], true);
        fclose(out);
    }
    ck_assert_str_eq(text[0], text[1]);
    free(text[0]);
    free(text[1]);
}
END_TEST

/* In a chain, FRESH is more work than ONCE and takes less memory, because nothing waits to be read. STORED is no extra work. */
START_TEST(fresh_takes_more_work_and_less_memory_than_once) {
    const Plain plain = plain_of(deep_spec(), targets[_i]);
    Keeping *keeping = NEW_ARRAY(Keeping, plain.footprint->candidates);
    Need need[KEEPINGS];
    for (Keeping all = STORED; all < KEEPINGS; all++) {
        for (int i = 0; i < plain.footprint->candidates; i++) keeping[i] = all;
        need[all] = find_need(plain.footprint, keeping, 0, LONG_MAX);
    }
    ck_assert(need[STORED].flops == 0 && need[ONCE].flops > 0 && need[FRESH].flops > 1.5 * need[ONCE].flops);
    ck_assert_int_lt(need[FRESH].bytes, need[ONCE].bytes);
}
END_TEST

/* ---- the choice beside all possible choices ---- */

enum { MOST_TRIED = 8 }; /* candidates: 6,561 ways */

typedef struct Way {
    long bytes;
    double flops;
} Way;

static int try_all(const Plain *plain, Way *way) {
    const int candidates = plain->footprint->candidates;
    Keeping keeping[MOST_TRIED];
    int count = 1;
    for (int i = 0; i < candidates; i++) count *= KEEPINGS;
    for (int number = 0; number < count; number++) {
        for (int i = 0, rest = number; i < candidates; i++, rest /= KEEPINGS) keeping[i] = (Keeping)(rest % KEEPINGS);
        const Need need = find_need(plain->footprint, keeping, 0, LONG_MAX);
        way[number] = (Way){need.bytes, need.flops};
    }
    return count;
}

/* The least memory is the least of all ways. For each limit from there on, no way within it does less work. */
START_TEST(no_choice_is_better) {
    static Way way[6561];
    const Plain plain = plain_of(_i < SAMPLE_SPECS ? sample_spec(_i) : deep_spec(), targets[_i % count_targets()]);
    if (plain.footprint->candidates > MOST_TRIED) return;
    const int count = try_all(&plain, way);
    Keeping keeping[MOST_TRIED];
    long least = LONG_MAX;
    for (int i = 0; i < count; i++) least = minimum(least, way[i].bytes);
    ck_assert_int_eq(choose_keeping(plain.footprint, 1, keeping).bytes, least);
    ck_assert_int_lt(least, plain.code->workspace_bytes);
    for (int step = 0; step <= 20; step++) {
        const long limit = least + (plain.code->workspace_bytes - least) * step / 20;
        double cheapest = -1;
        for (int i = 0; i < count; i++)
            if (way[i].bytes <= limit && (cheapest < 0 || way[i].flops < cheapest)) cheapest = way[i].flops;
        const Need need = choose_keeping(plain.footprint, limit, keeping);
        ck_assert_int_le(need.bytes, limit);
        ck_assert_msg(need.flops <= cheapest, "within %ld of %ld bytes: %.0f FLOP, where %.0f would do", limit, plain.code->workspace_bytes,
                      need.flops, cheapest);
    }
}
END_TEST

/* ---- gru_ae ---- */

static TargetCode *within(const Plain *plain, long bytes, int threads) {
    return compile_both_within(plain->code, plain->training, plain->evaluation, &(MemoryLimit){bytes, threads});
}

START_TEST(limits_are_held_to_the_byte_and_the_least_is_possible) {
    const Plain plain = plain_of(gru_ae_spec(), targets[_i]);
    const long scratch = 3 * plain.code->scratch_bytes, before = plain.code->workspace_bytes + scratch;
    const TargetCode *code = within(&plain, before, 3);
    ck_assert(code->trade->possible && code->trade->count == 0 && code->trade->after == before);
    code = within(&plain, before - 1, 3);
    ck_assert(code->trade->possible && code->trade->count > 0);
    ck_assert_int_lt(code->trade->after, before);
    ck_assert_int_eq(code->trade->after, code->workspace_bytes + scratch);
    code = within(&plain, 1, 3);
    ck_assert(!code->trade->possible);
    const long least = code->trade->after;
    code = within(&plain, least, 3);
    ck_assert(code->trade->possible);
    ck_assert_int_eq(code->workspace_bytes + scratch, least);
    code = within(&plain, least - 1, 3);
    ck_assert(!code->trade->possible);
    ck_assert_int_eq(code->trade->after, least);
    /* 128 MiB of it are activations that are kept for the backward pass; half of that can be saved */
    ck_assert_int_lt(least, before - (64L << 20));
}
END_TEST

START_TEST(more_memory_never_costs_more_work) {
    const Plain plain = plain_of(gru_ae_spec(), targets[0]);
    const long least = within(&plain, 1, 1)->trade->after, most = plain.code->workspace_bytes + plain.code->scratch_bytes;
    double work = -1;
    for (int step = 0; step <= 12; step++) {
        const TargetCode *code = within(&plain, least + (most - least) * step / 12, 1);
        const double now = step_flops(code);
        ck_assert(work < 0 || now <= work);
        work = now;
    }
    ck_assert(work == step_flops(plain.code));
}
END_TEST

/* No convolution is recomputed more than once if once is enough, and the names are those of kernels that the program calls. */
START_TEST(what_is_listed_is_what_runs) {
    const Plain plain = plain_of(gru_ae_spec(), targets[0]);
    const TargetCode *code = within(&plain, plain.code->workspace_bytes * 3 / 4, 1);
    const Trade *trade = code->trade;
    double listed = 0;
    int calls = 0;
    ck_assert(trade->possible && trade->count > 1);
    for (int i = 0; i < trade->count; i++) {
        listed += trade->again[i].flops;
        calls += trade->again[i].times;
    }
    ck_assert_int_eq((long)listed, (long)(step_flops(code) - step_flops(plain.code)));
    int more = program_named(code, "train")->call_count - program_named(plain.code, "train")->call_count;
    for (int i = 0; i < program_named(code, "train")->call_count; i++) {
        const char *name = program_named(code, "train")->call[i].kernel->name, *again = strstr(name, "_again");
        if (!again) continue;
        more--;
        if (program_named(code, "train")->call[i].kernel->serves) continue; /* a weight, filtered for the kernel after it */
        bool found = false;
        for (int k = 0; k < trade->count; k++)
            found |=
                strlen(trade->again[k].name) == (size_t)(again - name) && strncmp(trade->again[k].name, name, (size_t)(again - name)) == 0;
        ck_assert_msg(found, "%s is not listed", name);
        calls--;
    }
    ck_assert_int_eq(calls, 0);
    ck_assert_int_eq(more, 0);
}
END_TEST

Suite *recompute_suite(void) {
    Suite *suite = suite_create("recompute");
    TCase *tests = tcase_create("recompute");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, memory_and_work_are_foreseen_to_the_byte, 0, SPECS);
    tcase_add_loop_test(tests, storing_everything_changes_nothing, 0, SPECS);
    tcase_add_loop_test(tests, fresh_takes_more_work_and_less_memory_than_once, 0, count_targets());
    tcase_add_loop_test(tests, no_choice_is_better, 0, SAMPLE_SPECS + 1);
    tcase_add_loop_test(tests, limits_are_held_to_the_byte_and_the_least_is_possible, 0, count_targets());
    tcase_add_test(tests, more_memory_never_costs_more_work);
    tcase_add_test(tests, what_is_listed_is_what_runs);
    suite_add_tcase(suite, tests);
    return suite;
}
