/* The kernels of gru_ae prefetch what they read. A few iterations of their parallel loops are walked, and cache lines compared. */
#include "../compiler/bundle/inference.h"
#include "../compiler/lower/kernel_buffers.h"
#include "../compiler/pipeline/pipeline.h"
#include "lowered.h"
#include "sample_graphs.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *prefetch_suite(void);

enum { MAX_TENSORS = 16, LINE = 64, ITEMS = 4 };

typedef struct Tracked { /* a tensor that a kernel prefetches; of each line: */
    const Buffer *buffer;
    bool *asked, *asked_before; /* prefetched in an iteration; in one before the last */
    bool *read, *read_after;    /* in an iteration; in one after the first */
} Tracked;

typedef struct Walk {
    int count;
    Tracked tensor[MAX_TENSORS];
    PointerMap value;   /* of a variable: its value plus one */
    PointerMap matters; /* of a statement: 1 if something inside it must be noted, else −1 */
    long item;
} Walk;

static long value_of(Walk *walk, const Affine *affine) {
    long value = affine->constant;
    for (int i = 0; i < affine->count; i++) {
        const long *is = pointer_map_find(&walk->value, affine->term[i].variable);
        if (!is)
            ck_abort_msg("%s is used outside of its loop", affine->term[i].variable->name); /* an assertion writes to a file each time */
        value += affine->term[i].coefficient * (*is - 1);
    }
    return value;
}

static Tracked *find_tracked(Walk *walk, const Buffer *buffer) {
    for (int i = 0; i < walk->count; i++)
        if (walk->tensor[i].buffer == buffer) return &walk->tensor[i];
    return NULL;
}

static size_t lines_of(const Buffer *buffer) {
    return (size_t)buffer->layout.size * sizeof(float) / LINE + 1;
}

static void find_prefetched(Walk *walk, const Statement *tree) {
    for (const Statement *s = tree; s; s = s->next) {
        find_prefetched(walk, s->body);
        find_prefetched(walk, s->other);
        if (s->kind != STATEMENT_PREFETCH || find_tracked(walk, s->buffer)) continue;
        ck_assert_int_lt(walk->count, MAX_TENSORS);
        Tracked *tracked = &walk->tensor[walk->count++];
        *tracked = (Tracked){.buffer = s->buffer};
        bool **const maps[] = {&tracked->asked, &tracked->asked_before, &tracked->read, &tracked->read_after};
        for (int i = 0; i < 4; i++) *maps[i] = calloc(lines_of(s->buffer), sizeof(bool));
    }
}

static bool reads(const Expression *e, const void *buffer) {
    return e->kind == EXPRESSION_LOAD && e->buffer == buffer;
}

static bool matters(Walk *walk, const Statement *s) {
    bool added;
    long *known = pointer_map_add(&walk->matters, s, &added);
    if (!added) return *known > 0;
    bool result = s->kind == STATEMENT_PREFETCH;
    for (int i = 0; i < s->store_count && !result; i++)
        for (int t = 0; t < walk->count && !result; t++)
            result = expression_any(s->store[i].value, reads, walk->tensor[t].buffer, &(PointerMap){0});
    for (const Statement *inside = s->body; inside; inside = inside->next) result = matters(walk, inside) || result;
    for (const Statement *inside = s->other; inside; inside = inside->next) result = matters(walk, inside) || result;
    *pointer_map_find(&walk->matters, s) = result ? 1 : -1;
    return result;
}

static void note_reads(Walk *walk, const Expression *e) {
    for (int i = 0; i < expression_operands(e->kind); i++) note_reads(walk, e->operand[i]);
    Tracked *tracked = e->kind == EXPRESSION_LOAD ? find_tracked(walk, e->buffer) : NULL;
    if (!tracked) return;
    long index[MAX_RANK];
    for (int d = 0; d < e->buffer->rank; d++) index[d] = value_of(walk, &e->index[d]);
    const long line = layout_offset(&e->buffer->layout, index) * (long)sizeof(float) / LINE;
    tracked->read[line] = true;
    if (walk->item > 0) tracked->read_after[line] = true;
}

static void note_prefetch(Walk *walk, const Statement *s) {
    long offset = value_of(walk, &s->offset.affine);
    for (int i = 0; i < s->offset.count; i++) {
        const OffsetTerm *term = &s->offset.term[i];
        const long digit = value_of(walk, &term->inner) / term->divisor;
        offset += (term->modulus ? digit % term->modulus : digit) * term->stride;
    }
    if (offset < 0 || offset >= s->buffer->layout.size) ck_abort_msg("element %ld of %s is asked for", offset, s->buffer->name);
    const long line = offset * (long)sizeof(float) / LINE;
    find_tracked(walk, s->buffer)->asked[line] = true;
    if (walk->item < ITEMS - 1) find_tracked(walk, s->buffer)->asked_before[line] = true;
}

static bool holds(Walk *walk, const Statement *guard) {
    for (int i = 0; i < guard->condition_count; i++) {
        const long value = value_of(walk, &guard->condition[i].value);
        if (value < 0 || value >= guard->condition[i].limit) return false;
    }
    return true;
}

static void walk_tree(Walk *walk, const Statement *tree) {
    for (const Statement *s = tree; s && walk->item < ITEMS; s = s->next) {
        if (!matters(walk, s)) continue;
        if (s->kind == STATEMENT_PREFETCH) note_prefetch(walk, s);
        if (s->kind == STATEMENT_GUARD) walk_tree(walk, holds(walk, s) ? s->body : s->other);
        for (int i = 0; i < s->store_count; i++) note_reads(walk, s->store[i].value);
        if (s->kind != STATEMENT_LOOP) continue;
        const bool innermost = s->loop == LOOP_PARALLEL && !(s->body->kind == STATEMENT_LOOP && s->body->loop == LOOP_PARALLEL);
        const long values = s->loop == LOOP_VECTOR ? 1 : s->variable->extent; /* lanes are in one line */
        for (long i = 0; i < values && walk->item < ITEMS; i++) {
            *pointer_map_add(&walk->value, s->variable, NULL) = i + 1;
            walk_tree(walk, s->body);
            walk->item += innermost;
        }
    }
}

/* Most lines that are read were prefetched (`least` quarters of them), and nearly all prefetched lines are read. Rows that only some
 * iterations have are left out. */
static int compare_lines(const Kernel *kernel, int least) {
    Walk walk = {.count = 0};
    find_prefetched(&walk, kernel->tree);
    if (!walk.count) return 0;
    walk_tree(&walk, kernel->tree);
    for (int t = 0; t < walk.count; t++) {
        Tracked *tracked = &walk.tensor[t];
        long read = 0, found = 0, asked = 0, wasted = 0;
        for (size_t i = 0; i < lines_of(tracked->buffer); i++) {
            read += tracked->read_after[i];
            found += tracked->read_after[i] && tracked->asked[i];
            asked += tracked->asked_before[i];
            wasted += tracked->asked_before[i] && !tracked->read[i];
        }
        ck_assert_msg(read > 0 && asked > 0, "%s reads %ld lines of %s and asks for %ld", kernel->name, read, tracked->buffer->name, asked);
        ck_assert_msg(4 * found >= least * read, "%s asks for %ld of %ld lines of %s", kernel->name, found, read, tracked->buffer->name);
        ck_assert_msg(10 * wasted <= asked, "%s does not read %ld of the %ld lines of %s that it asks for", kernel->name, wasted, asked,
                      tracked->buffer->name);
        free(tracked->asked);
        free(tracked->asked_before);
        free(tracked->read);
        free(tracked->read_after);
    }
    return 1;
}

static int compare_kernels(const Spec *spec, const char *name, const Choices *choices, int least) {
    const Target *target = find_target(name);
    ck_assert_ptr_nonnull(target);
    ck_assert(target->prefetches);
    const TargetCode *code = lower_spec(spec, name, choices);
    int kernels = 0;
    for (int i = 0; i < program_named(code, "train")->call_count; i++)
        kernels += compare_lines(program_named(code, "train")->call[i].kernel, least);
    return kernels;
}

START_TEST(what_is_prefetched_is_what_is_read) {
    Choices choices = default_choices;
    if (_i / 2) choices.filtering = 0;
    ck_assert_int_ge(compare_kernels(gru_ae_spec(), _i % 2 ? "avx2" : "avx512", &choices, 3), 12);
}
END_TEST

/* Channels that end within a vector and do not divide into blocks, so the last block prefetches only the little that it reads; few images;
 * bfloat16, whose pairs stage two images at a time, more than is prefetched. */
START_TEST(so_it_is_for_other_shapes) {
    Spec spec = *gru_ae_spec();
    Layer encoder[8], decoder[8];
    memcpy(encoder, spec.encoder, sizeof(Layer) * (size_t)spec.encoder_count);
    memcpy(decoder, spec.decoder, sizeof(Layer) * (size_t)spec.decoder_count);
    spec.encoder = encoder;
    spec.decoder = decoder;
    Choices choices = default_choices;
    if (_i % 2) choices.filtering = 0;
    if (_i < 2) {
        for (int i = 0; i < spec.encoder_count; i++) encoder[i].channels = 24 + 17 * i;
        for (int i = 0; i + 1 < spec.decoder_count; i++) decoder[i].channels = 92 - 17 * i;
    }
    if (_i == 2 || _i == 3) spec.training.batch = 1, spec.T = 8;
    if (_i == 4) spec.precision = COMPUTE_BF16;
    ck_assert_int_ge(compare_kernels(&spec, _i == 4 ? "avx512_bf16" : "avx512", &choices, 1), 2);
}
END_TEST

/* The kernels of an auto-encoder whose second layer has this kernel and stride. */
static const TargetCode *lower_layers(int kernel, int stride) {
    const char *text = format("version: 1\nname: layers\ninput: {T: 4, channels: 1, height: 64, width: 64}\nencoder:\n"
                              "  - conv: {channels: 32, kernel: 3, padding: 1, norm: batch, activation: relu}\n"
                              "  - conv: {channels: 64, kernel: %d, padding: 1, stride: %d, norm: batch, activation: relu}\n"
                              "latent: 64\ngru: {hidden: 100}\ndecoder:\n"
                              "  - conv_transpose: {channels: 32, kernel: %d, padding: 1, stride: %d, output_padding: %d, norm: batch, "
                              "activation: relu}\n  - conv_transpose: {channels: 1, kernel: 3, padding: 1}\ntraining: {batch: 8}\n",
                              kernel, stride, kernel, stride, (64 + 2 - kernel) % stride);
    const Spec *spec = parse_spec("layers.yaml", text, strlen(text), stderr);
    ck_assert_ptr_nonnull(spec);
    return lower_spec(spec, "avx512", &default_choices);
}

/* Of 22 columns, 11 are staged at a time; 6 and then 5 of these are multiplied. Both parts prefetch shares of the same 1,100 lines of
 * weights. No line between the end of one part and the start of the other may be missed. */
START_TEST(parts_of_a_level_ask_for_all_lines_together) {
    ck_assert_int_eq(compare_lines(find_kernel(program_named(lower_layers(3, 3), "train"), "fc3_data_grad"), 4), 1);
}
END_TEST

/* Three rows of 64 lines for 32 iterations: with boxes of six lines, a row has eleven, and all rows one more than there are iterations. */
START_TEST(there_are_iterations_for_all_boxes) {
    Spec spec = *gru_ae_spec();
    spec.precision = COMPUTE_BF16;
    const TargetCode *code = lower_spec(&spec, "avx512_bf16", &default_choices);
    for (int i = 0; i < program_named(code, "train")->call_count; i++)
        if (strncmp(program_named(code, "train")->call[i].kernel->name, "fc", 2) == 0)
            compare_lines(program_named(code, "train")->call[i].kernel, 4);
}
END_TEST

/* Four rows at a time, beginning with a row of padding. Only the first iteration has one row less to read. With kernel 3 and stride 4, the
 * row before a box is never read. */
START_TEST(what_padding_takes_from_the_first_iteration_is_asked_for_in_the_others) {
    const TargetCode *code = _i == 0 ? lower_layers(2, 2) : lower_layers(3, 4);
    ck_assert_int_eq(compare_lines(find_kernel(program_named(code, "train"), "encoder1_conv_weight_grad"), 4), 1);
    ck_assert_int_eq(compare_lines(find_kernel(program_named(code, "train"), "decoder0_conv_transpose_weight_grad"), 4), 1);
}
END_TEST

/* Each prefetch costs the computation of addresses. In images of 34 columns, which 8 does not divide, there is one for 7 pixels. */
START_TEST(weight_gradients_ask_once_in_several_pixels) {
    Spec spec = *ragged_end_spec(false);
    Choices choices = default_choices;
    choices.filtering = 0;
    spec.width = 34;
    const TargetCode *code = lower_spec(&spec, "avx512", &choices);
    int found = 0;
    for (int i = 0; i < program_named(code, "train")->call_count; i++) {
        const Kernel *kernel = program_named(code, "train")->call[i].kernel;
        if (!strstr(kernel->name, "conv_weight_grad") || strstr(kernel->name, "_sum")) continue;
        const Schedule *schedule = &kernel->schedule[0];
        ck_assert_int_gt(schedule->ahead.inner, 0);
        ck_assert_str_eq(schedule->level[schedule->ahead.inner - 1].variable, "j");
        ck_assert_int_eq(schedule->level[schedule->ahead.inner - 1].tile, 7);
        found++;
    }
    ck_assert_int_eq(found, 2);
}
END_TEST

START_TEST(targets_without_the_instruction_prefetch_nothing) {
    const TargetCode *code = lower_spec(gru_ae_spec(), "generic", &default_choices);
    for (int i = 0; i < program_named(code, "train")->call_count; i++)
        ck_assert_int_eq(compare_lines(program_named(code, "train")->call[i].kernel, 3), 0);
}
END_TEST

static bool asks_for_weights(const Statement *tree) {
    for (const Statement *s = tree; s; s = s->next)
        if ((s->kind == STATEMENT_PREFETCH && ((const Tensor *)s->buffer->owner)->place == PLACE_WEIGHTS) || asks_for_weights(s->body) ||
            asks_for_weights(s->other))
            return true;
    return false;
}

/* Weights that filtering uses as they are are prefetched while the ones before them are multiplied. */
START_TEST(weights_of_a_bundle_are_prefetched) {
    static const int parts[] = {PART_encode, PART_decode, PART_reconstruct};
    const Target *const target = find_target(_i ? "avx2" : "avx512");
    const Inference *inference = compile_inference(gru_ae_spec(), PRECISION_F32, RECURRENCE_WINDOW, &target, 1, 2);
    for (int p = 0; p < 3; p++) {
        const Program *program = &inference->code[0]->program[parts[p]];
        int asking = 0;
        for (int i = 0; i < program->call_count; i++) {
            const Kernel *kernel = program->call[i].kernel;
            if (strstr(kernel->name, "conv") && asks_for_weights(kernel->tree)) asking += compare_lines(kernel, 3);
        }
        ck_assert_int_eq(asking, parts[p] == PART_reconstruct ? 2 : 1);
    }
}
END_TEST

Suite *prefetch_suite(void) {
    Suite *suite = suite_create("prefetch");
    TCase *test_case = tcase_create("prefetch");
    tcase_set_timeout(test_case, 120);
    tcase_add_loop_test(test_case, what_is_prefetched_is_what_is_read, 0, 4);
    tcase_add_loop_test(test_case, so_it_is_for_other_shapes, 0, 5);
    tcase_add_test(test_case, parts_of_a_level_ask_for_all_lines_together);
    tcase_add_test(test_case, there_are_iterations_for_all_boxes);
    tcase_add_loop_test(test_case, what_padding_takes_from_the_first_iteration_is_asked_for_in_the_others, 0, 2);
    tcase_add_test(test_case, weight_gradients_ask_once_in_several_pixels);
    tcase_add_loop_test(test_case, weights_of_a_bundle_are_prefetched, 0, 2);
    tcase_add_test(test_case, targets_without_the_instruction_prefetch_nothing);
    suite_add_tcase(suite, test_case);
    return suite;
}
