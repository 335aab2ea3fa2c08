/* The plan of the workspace, computed again from the programs: no two tensors that live at the same time share a byte. Kept tensors come
 * first; there, a tensor may be a whole block of parameters, and others may be parts of it. */
#include "../compiler/graph/build_graph.h"
#include "cpu.h"
#include "lowered.h"
#include "sample_graphs.h"
#include "sample_systems.h"

#include "../compiler/lower/kernel_buffers.h"
#include "../compiler/pipeline/pipeline.h"

#include <check.h>
#include <string.h>

Suite *plan_suite(void);

enum { MOST_TENSORS = 4096, MOST_BUFFERS = 64 };

typedef struct Life {
    const Tensor *tensor;
    int first, last; /* calls that touch it */
} Life;

static Life *life_of(Life *lives, int *count, const Tensor *tensor, int call) {
    for (int i = 0; i < *count; i++)
        if (lives[i].tensor == tensor) return &lives[i];
    ck_assert_int_lt(*count, MOST_TENSORS);
    lives[*count] = (Life){tensor, call, call};
    return &lives[(*count)++];
}

/* A scan's calls run repeatedly, so all of them follow each of them. */
static int last_of_scan(const Program *program, int call) {
    const Scan *scan = program->call[call].scan;
    while (scan && call + 1 < program->call_count && program->call[call + 1].scan == scan) call++;
    return call;
}

static int first_of_scan(const Program *program, int call) {
    const Scan *scan = program->call[call].scan;
    while (scan && call > 0 && program->call[call - 1].scan == scan) call--;
    return call;
}

static bool share_a_byte(const Tensor *a, const Tensor *b) {
    return a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

static int find_lives(const Program *program, Life *lives) {
    int count = 0;
    for (int call = 0; call < program->call_count; call++) {
        const Buffer *buffers[MOST_BUFFERS];
        bool written[MOST_BUFFERS];
        const int buffer_count = kernel_buffers(program->call[call].kernel, buffers, written, MOST_BUFFERS);
        for (int b = 0; b < buffer_count; b++) {
            const Tensor *tensor = buffers[b]->owner;
            if (tensor->place != PLACE_WORKSPACE) continue;
            life_of(lives, &count, tensor, first_of_scan(program, call))->last = last_of_scan(program, call);
        }
    }
    return count;
}

/* Returns how many pairs of tensors share memory, one after the other. */
static int check_program(const TargetCode *code, const Program *program) {
    static Life lives[MOST_TENSORS];
    const int count = find_lives(program, lives);
    int shared = 0;
    for (int i = 0; i < count; i++) {
        const Tensor *tensor = lives[i].tensor;
        ck_assert_int_ge(tensor->offset, tensor->kept ? 0 : code->kept_bytes);
        ck_assert_int_le(tensor->offset + tensor->bytes, tensor->kept ? code->kept_bytes : code->workspace_bytes);
        ck_assert_int_eq(tensor->offset % 64, 0);
        for (int j = 0; j < i; j++) {
            if (!share_a_byte(tensor, lives[j].tensor) || (tensor->kept && lives[j].tensor->kept)) continue;
            shared++;
            const bool apart = lives[i].last < lives[j].first || lives[j].last < lives[i].first;
            ck_assert_msg(apart, "%s, %s: %s and %s are both in use between calls %d and %d", code->target->name, program->name,
                          tensor->buffer->name, lives[j].tensor->buffer->name, (int)maximum(lives[i].first, lives[j].first),
                          (int)minimum(lives[i].last, lives[j].last));
        }
    }
    return shared;
}

/* Except for what is kept, a program of a stream reads only what it has written itself. */
static void check_writes(const TargetCode *code, const Program *program) {
    static const Tensor *seen[MOST_TENSORS];
    int count = 0;
    for (int call = 0; call < program->call_count; call++) {
        const Buffer *buffers[MOST_BUFFERS];
        bool written[MOST_BUFFERS];
        const int buffer_count = kernel_buffers(program->call[call].kernel, buffers, written, MOST_BUFFERS);
        for (int b = 0; b < buffer_count; b++) {
            const Tensor *tensor = buffers[b]->owner;
            bool known = tensor->place != PLACE_WORKSPACE || tensor->kept || written[b];
            for (int i = 0; i < count; i++) known = known || seen[i] == tensor;
            ck_assert_msg(known, "%s, %s: %s reads %s, which nothing has written", code->target->name, program->name,
                          program->call[call].kernel->name, tensor->buffer->name);
            ck_assert_int_lt(count, MOST_TENSORS);
            seen[count++] = tensor;
        }
    }
}

static TargetCode *code_for(const Spec *spec, const Target *target) {
    Graph *training = build_graph(spec, true), *evaluation = build_graph(spec, false);
    differentiate_spec(training);
    return compile_both(training, evaluation, target, &default_choices);
}

START_TEST(tensors_in_use_at_the_same_time_lie_apart) {
    for (int s = 0; s <= SAMPLE_SPECS; s++) {
        const TargetCode *code = code_for(s < SAMPLE_SPECS ? sample_spec(s) : gru_ae_spec(), any_target(_i));
        int shared = check_program(code, program_named(code, "evaluate"));
        shared += check_program(code, program_named(code, "train"));
        ck_assert_int_gt(shared, 0);
    }
}
END_TEST

/* With a GRU, with only linear layers, and with neither. Then the code is the encoder's last node, which its readers would otherwise
 * compute. */
START_TEST(programs_of_a_stream_stand_alone) {
    static const char *const programs[] = {"advance", "decode"};
    for (int s = 0; s < 3 * SAMPLE_SPECS; s++) {
        Spec spec = *sample_spec(s / 3);
        Layer encoder[SAMPLE_LAYERS];
        memcpy(encoder, spec.encoder, sizeof(Layer) * (size_t)spec.encoder_count);
        encoder[spec.encoder_count - 1].norm = NORM_BATCH;
        encoder[spec.encoder_count - 1].activation = ACTIVATION_LEAKY_RELU;
        if (s % 3 == 2) spec.encoder = encoder, spec.latent = 0;
        if (s % 3 > 0) spec.hidden = spec.gru_layers = 0;
        const TargetCode *code = code_for(&spec, any_target(_i));
        for (int p = 0; p < 2; p++) {
            check_program(code, program_named(code, programs[p]));
            check_writes(code, program_named(code, programs[p]));
        }
    }
}
END_TEST

/* Memory for one call is not kept for all later calls. */
START_TEST(memory_is_used_again) {
    const TargetCode *code = code_for(gru_ae_spec(), any_target(_i));
    static Life lives[MOST_TENSORS];
    const int count = find_lives(program_named(code, "train"), lives);
    long all = code->kept_bytes;
    for (int i = 0; i < count; i++) all += lives[i].tensor->kept ? 0 : lives[i].tensor->bytes;
    ck_assert_int_lt(code->workspace_bytes, all * 3 / 4);
}
END_TEST

static int times_listed(const TargetCode *code, const Kernel *kernel) {
    int times = 0;
    for (int i = 0; i < code->kernel_count; i++) times += code->kernel[i].kernel == kernel;
    return times;
}

/* The passes that are run for each kernel reach all that is called, and each once, though `renew` and `train` share some. */
START_TEST(every_kernel_is_scheduled_once) {
    const TargetCode *code = code_for(gru_ae_spec(), any_target(_i));
    for (int i = 0; i < code->kernel_count; i++) {
        ck_assert_int_eq(times_listed(code, code->kernel[i].kernel), 1);
        ck_assert_msg(code->kernel[i].kernel->tree, "%s has no loop tree", code->kernel[i].kernel->name);
    }
    for (int p = 0; p < code->program_count; p++)
        for (int i = 0; i < code->program[p]->call_count; i++) ck_assert_int_eq(times_listed(code, code->program[p]->call[i].kernel), 1);
    for (int i = 0; i < code->renew.call_count; i++) ck_assert_int_eq(times_listed(code, code->renew.call[i].kernel), 1);
}
END_TEST

/* From the first gradient of a group to the end of the program nothing else is in their block. Returns whether the program uses it. */
static bool check_gradients(const TargetCode *code, const Program *program, const Tensor *block) {
    static Life lives[MOST_TENSORS];
    const int count = find_lives(program, lives);
    int first = program->call_count;
    for (int i = 0; i < count; i++)
        if (lives[i].tensor->whole == block) first = (int)minimum(first, lives[i].first);
    if (first == program->call_count) return false;
    for (int i = 0; i < count; i++) {
        const Tensor *tensor = lives[i].tensor;
        if (tensor->whole == block)
            ck_assert(tensor->offset >= block->offset && tensor->offset + tensor->bytes <= block->offset + block->bytes);
        else if (share_a_byte(tensor, block))
            ck_assert_msg(!block->kept && lives[i].last < first, "%s, %s: %s is among gradients", code->target->name, program->name,
                          tensor->buffer->name);
    }
    return true;
}

/* `step` reads them when a step is done; and an update reads all of a block. Where several steps update a network, they are kept. */
START_TEST(gradients_of_a_system_stay_to_the_end_of_its_step) {
    static const char *const names[] = {"vae", "anogan", "efficient_gan", "vae_gan", "clip_latent", "steps"};
    int shared = 0, kept = 0;
    for (size_t s = 0; s < sizeof names / sizeof *names; s++) {
        const TrainerGraphs graphs = graphs_of(system_named(names[s]));
        const TargetCode *code = compile_graphs(&graphs, any_target(_i), &default_choices);
        for (int g = 0; g < code->group_count; g++) {
            const Tensor *block = code->group[g].gradients;
            int users = 0;
            if (!block) continue;
            for (int i = 0; i < code->program_count; i++) users += check_gradients(code, code->program[i], block);
            ck_assert_int_ge(users, 1);
            ck_assert_msg(block->kept == (users > 1), "%s %d: kept %d, %d users", names[s], g, block->kept, users);
            ck_assert_int_eq(code->group[g].block_offset[BLOCK_GRADIENTS], block->offset);
            ck_assert_int_ge(block->offset + block->bytes, block->kept ? 0 : code->kept_bytes);
            ck_assert_int_le(block->offset + block->bytes, block->kept ? code->kept_bytes : code->workspace_bytes);
            shared += users == 1;
            kept += users > 1;
        }
    }
    ck_assert(shared > 5 && kept > 0);
}
END_TEST

Suite *plan_suite(void) {
    const int count = count_targets() + BF16_TARGETS;
    Suite *suite = suite_create("plan");
    TCase *tests = tcase_create("plan");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, tensors_in_use_at_the_same_time_lie_apart, 0, count);
    tcase_add_loop_test(tests, programs_of_a_stream_stand_alone, 0, count);
    tcase_add_loop_test(tests, memory_is_used_again, 0, count);
    tcase_add_loop_test(tests, every_kernel_is_scheduled_once, 0, count);
    tcase_add_loop_test(tests, gradients_of_a_system_stay_to_the_end_of_its_step, 0, count_targets());
    suite_add_tcase(suite, tests);
    return suite;
}
