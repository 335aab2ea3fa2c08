/* test_evaluate.c: evaluation, reconstruction and scores of systems, with the models of fake_evaluated.c. */
#include "fake_evaluated.h"
#include "trainer_runs.h"

#include "../runtime/common/file.h"
#include "../runtime/model/checkpoint.h"
#include "../runtime/model/evaluate.h"
#include "../runtime/pictures/strip.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

Suite *evaluate_suite(void);

enum { ROWS = 12, COLUMNS = 16, FRAME = ROWS * COLUMNS, T = 4, FRAMES = 11 };

/* A picture of this level, but for one corner. */
static void write_picture(const char *path, float level, float corner) {
    float frame[FRAME];
    Error error;
    for (int i = 0; i < FRAME; i++) frame[i] = i == 0 ? corner : level;
    ck_assert(strip_write(path, frame, 1, 1, ROWS, COLUMNS, FILE_RENAMED, &error));
}

/* The brightness of frame i of `video`: up, then down. */
static float level_of(int i) {
    return -0.8F + 0.1F * (float)(i < 6 ? i : 12 - i);
}

static void open_folder(void) {
    char name[32];
    enter_folder();
    ck_assert_int_eq(system("mkdir video"), 0);
    for (int i = 0; i < FRAMES; i++) {
        snprintf(name, sizeof name, "video/%d.png", i);
        write_picture(name, level_of(i), level_of(i));
    }
}

/* Weights of a model: of `net`, of its average, and of `still`. */
static void write_weights(const ModelDescription *model, float net, float average, float still) {
    ModelState state;
    Error error;
    const CarriedTensors none = {0};
    ck_assert_msg(model_open(&state, model, 1, 3, &error), "%s", error.text);
    state.target->load(state.workspace, MODEL_PARAMETERS, (const float[]){net, still});
    state.target->load(state.workspace, MODEL_AVERAGE, (const float[]){average, 0});
    ck_assert_msg(checkpoint_save(&state, &none, "W.safetensors", &error), "%s", error.text);
    model_close(&state);
}

static char *text_of(const char *path) {
    unsigned char *bytes;
    size_t length;
    Error error;
    ck_assert_msg(file_read(path, &bytes, &length, &error), "%s", error.text);
    bytes = realloc(bytes, length + 1);
    bytes[length] = 0;
    return (char *)bytes;
}

static void expect_in(const char *path, const char *text) {
    char *all = text_of(path);
    ck_assert_msg(strstr(all, text) != NULL, "\"%s\" is not in %s:\n%s", text, path, all);
    free(all);
}

static int exists(const char *path) {
    return access(path, F_OK) == 0;
}

/* ---- evaluate_data() ---- */

typedef struct Seen {
    const Dataset *data;
    int clips;
    int64_t first[16], number[16];
    float noise[16];
} Seen;

static bool see_clip(void *context, const EvaluatedClip *clip, Error *error) {
    Seen *seen = context;
    float frames[T * FRAME];
    ck_assert_int_lt(seen->clips, 16);
    seen->first[seen->clips] = clip->first_frame;
    seen->number[seen->clips++] = clip->number;
    ck_assert_int_eq(clip->clip, seen->clips - 1);
    ClipReader *reader = clip_reader_open(seen->data, error);
    ck_assert(clip_read(reader, clip->video, clip->first_frame, seen->data->T, frames, error));
    clip_reader_close(reader);
    ck_assert_mem_eq(frames, clip->x, sizeof(float) * (size_t)seen->data->T * FRAME);
    return true;
}

static Dataset *open_video(int frames, size_t cache) {
    Error error;
    const char *const paths[] = {"video"};
    const DatasetOptions options = {
        .T = frames, .images = frames == 1, .channels = 1, .height = ROWS, .width = COLUMNS, .cache_bytes = cache};
    Dataset *data = dataset_open(paths, 1, &options, &error);
    ck_assert_msg(data != NULL, "%s", error.text);
    return data;
}

static void evaluate(ModelState *state, const Dataset *data, const EvaluationVisitor *visitor) {
    Error error;
    ck_assert_msg(evaluate_data(state, data, visitor, &error), "%s", error.text);
}

START_TEST(clips_overlap_and_end_with_the_video_as_asked) {
    static const struct {
        int stride;
        bool to_end;
        int count, first[8];
    } rows[] = {{0, false, 2, {0, 4}},
                {0, true, 3, {0, 4, 7}},
                {4, true, 3, {0, 4, 7}},
                {2, true, 5, {0, 2, 4, 6, 7}},
                {1, true, 8, {0, 1, 2, 3, 4, 5, 6, 7}},
                {5, false, 2, {0, 5}}};
    ModelState state;
    Error error;
    Dataset *data = open_video(T, (size_t)_i); /* in the cache, and streamed */
    ck_assert(model_open(&state, &fake_clips, 1, 3, &error));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Seen seen = {.data = data};
        evaluate(&state, data, &(EvaluationVisitor){see_clip, NULL, &seen, rows[i].stride, rows[i].to_end});
        ck_assert_int_eq(seen.clips, rows[i].count);
        for (int k = 0; k < seen.clips; k++) {
            ck_assert_int_eq(seen.first[k], rows[i].first[k]);
            ck_assert_int_eq(seen.number[k], k);
        }
    }
    model_close(&state);
    dataset_close(data);
}
END_TEST

static void expect_output(const EvaluatedClip *clip, int i, const char *name, ClipShape shape) {
    ck_assert_str_eq(clip->output[i].name, name);
    ck_assert(clip_shapes_agree(clip->output[i].shape, shape));
}

/* The weights of these runs are 2, their averages 1. */
static bool see_outputs(void *context, const EvaluatedClip *clip, Error *error) {
    Seen *seen = context;
    (void)error;
    ck_assert_int_eq(clip->outputs, 4);
    expect_output(clip, 0, "reconstruction", (ClipShape){1, 1, ROWS, COLUMNS});
    expect_output(clip, 1, "mean", (ClipShape){1, 2, 1, 1});
    expect_output(clip, 2, "samples", (ClipShape){1, 3, 4, 4});
    expect_output(clip, 3, "features", (ClipShape){1, 5, 2, 2});
    ck_assert_ptr_eq(clip->reconstruction, clip->output[0].values);
    ck_assert_ptr_eq(clip->target, clip->x);
    ck_assert_mem_eq(clip->reconstruction, clip->x, FRAME * sizeof(float));
    ck_assert_int_eq(clip->scores, 1);
    ck_assert_float_eq(clip->score[0], 0.25F); /* of the frozen network */
    seen->noise[seen->clips++] = clip->output[1].values[1];
    return true;
}

START_TEST(a_visitor_gets_all_outputs_at_the_averages) {
    ModelState state;
    Error error;
    float weights[2], averages[2] = {0};
    Dataset *data = open_video(1, 0);
    Seen seen = {.data = data}, again = {.data = data};
    write_weights(&fake_images, 2, 1, 0.25F);
    TensorFile file = read_tensors("W.safetensors");
    ck_assert(model_open(&state, &fake_images, 1, 3, &error));
    ck_assert_msg(checkpoint_load(&state, NULL, &file, stderr, &error), "%s", error.text);
    tensor_file_free(&file);
    evaluate(&state, data, &(EvaluationVisitor){.visit = see_outputs, .context = &seen});
    evaluate(&state, data, &(EvaluationVisitor){.visit = see_outputs, .context = &again});
    ck_assert_int_eq(seen.clips, FRAMES);
    ck_assert_mem_eq(seen.noise, again.noise, sizeof seen.noise);
    for (int i = 1; i < FRAMES; i++) ck_assert_float_ne(seen.noise[i], seen.noise[i - 1]);
    state.target->save(state.workspace, MODEL_PARAMETERS, weights);
    state.target->save(state.workspace, MODEL_AVERAGE, averages);
    ck_assert(weights[0] == 2 && weights[1] == 0.25F && averages[0] == 1);
    model_close(&state);
    dataset_close(data);
}
END_TEST

static bool refuse(void *context, const EvaluatedClip *clip, Error *error) {
    (void)context, (void)clip;
    snprintf(error->text, sizeof error->text, "enough");
    return false;
}

START_TEST(the_weights_come_back_after_an_error) {
    ModelState state;
    Error error;
    float weights[2];
    Dataset *data = open_video(1, 0);
    ck_assert(model_open(&state, &fake_images, 1, 3, &error));
    state.target->load(state.workspace, MODEL_PARAMETERS, (const float[]){3, 4});
    ck_assert(!evaluate_data(&state, data, &(EvaluationVisitor){.visit = refuse}, &error));
    ck_assert_str_eq(error.text, "enough");
    state.target->save(state.workspace, MODEL_PARAMETERS, weights);
    ck_assert(weights[0] == 3 && weights[1] == 4);
    model_close(&state);
    dataset_close(data);
}
END_TEST

START_TEST(clips_with_two_frames_of_target) {
    ck_assert(clip_shapes_agree(output_shape(find_output(&fake_frames, "target")), (ClipShape){2, 1, ROWS, COLUMNS}));
    ck_assert_ptr_null(find_output(&fake_frames, "score"));
    ck_assert_int_eq(score_argument(&fake_frames)->rank, 2);
    ck_assert_ptr_null(score_argument(&fake_silent));
}
END_TEST

/* ---- reconstruct ---- */

START_TEST(images_are_reconstructed_and_all_outputs_written) {
    write_weights(&fake_images, 0.5F, 0.9F, 0.25F);
    ck_assert_int_eq(run_model(&fake_images, "reconstruct --weights W.safetensors --data video --out out --threads 1"), 0);
    ck_assert_says("data: 11 images");
    ck_assert_ptr_null(strstr(output, "W.safetensors: has a second set of weights")); /* the averages, which are used */
    ck_assert_says("note: the output `features` is not written: 5 channels of 2 × 2 are no picture");
    ck_assert_says("note: the output `mean` is in reconstruct.jsonl, as numbers");
    ck_assert_says("mean of 11 images: PSNR ");
    ck_assert(exists("out/real_video000_no10.png") && exists("out/recon_video000_no10.png"));
    ck_assert(exists("out/output.samples_video000_no10.png") && !exists("out/output.mean_video000_no0.png"));
    ck_assert(!exists("out/output.reconstruction_video000_no0.png") && !exists("out/output.features_video000_no0.png"));
    ck_assert_int_eq(count_lines("out/reconstruct.jsonl"), FRAMES + 1);
    expect_in("out/reconstruct.jsonl", "{\"video\": \"video/10.png\", \"clip\": 10, \"first_frame\": 10, \"psnr\": ");
    expect_in("out/reconstruct.jsonl", ", \"output.mean\": [[");
    expect_in("out/reconstruct.jsonl", ", \"output.samples\": \"output.samples_video000_no0.png\"}");
    ck_assert_int_eq(system("cmp -s out/real_video000_no3.png out/recon_video000_no3.png"), 256);
}
END_TEST

START_TEST(a_target_of_two_frames_is_compared_with_two_frames) {
    write_weights(&fake_frames, 5, 1, 0);
    ck_assert_int_eq(run_model(&fake_frames, "reconstruct --weights W.safetensors --data video --out out --threads 1"), 0);
    ck_assert_says("PSNR 200.00 dB, SSIM 1.0000, score -0.9\n"); /* the mean of levels of frames 2, 3, 6 and 7, − 0.5 */
    ck_assert_says("3 frames at the ends of videos do not fill a clip of 4 and were left over");
    ck_assert_int_eq(system("cmp -s out/real_video000_no1.png out/recon_video000_no1.png"), 0);
    ck_assert_ptr_null(strstr(output, "note: the output"));
}
END_TEST

/* A prefix of all names is removed from those of the averages too. */
START_TEST(averages_are_used_whatever_prefix_all_names_have) {
    static const char *const prefixes[] = {"module.", "model._orig_mod.", "net/"};
    char text[200];
    write_weights(&fake_frames, 5, 1, 0);
    TensorFile file = read_tensors("W.safetensors");
    FileTensor *renamed = calloc((size_t)file.count, sizeof *renamed);
    for (int i = 0; i < file.count; i++) {
        renamed[i] = file.tensor[i];
        renamed[i].name = path_join("", "%s%s", prefixes[_i], file.tensor[i].name);
    }
    Error error;
    ck_assert_msg(tensor_file_write("W.safetensors", renamed, file.count, NULL, 0, &error), "%s", error.text);
    ck_assert_int_eq(run_model(&fake_frames, "reconstruct --weights W.safetensors --data video --out out --threads 1"), 0);
    snprintf(text, sizeof text, "note: W.safetensors: the names of its weights begin with \"%s\"; this prefix is removed\n", prefixes[_i]);
    ck_assert_says(text);
    ck_assert_says("PSNR 200.00 dB, SSIM 1.0000, score -0.9\n");
    ck_assert_ptr_null(strstr(output, "second set"));
    for (int i = 0; i < file.count; i++) free((void *)(uintptr_t)renamed[i].name);
    free(renamed);
    tensor_file_free(&file);
}
END_TEST

START_TEST(a_system_without_reconstruction_writes_what_it_has) {
    write_weights(&fake_clips, 1, 1, 0);
    const ModelDescription *model = _i ? &fake_silent : &fake_clips;
    ck_assert_int_eq(run_model(model, "reconstruct --weights W.safetensors --data video --out out --threads 1"), 0);
    ck_assert_says("has no output `reconstruction`: no PSNR and no SSIM");
    ck_assert(exists("out/output.samples_video000_no1.png") && !exists("out/real_video000_no0.png") &&
              !exists("out/recon_video000_no0.png"));
    expect_in("out/reconstruct.jsonl", _i ? "\"first_frame\": 4, \"output.samples\"" : "\"first_frame\": 4, \"score\": ");
    ck_assert_ptr_null(strstr(output, "PSNR,"));
}
END_TEST

START_TEST(an_output_that_is_not_finite_is_named) {
    write_weights(&fake_images, 1, 1e38F, 0);
    ck_assert_int_eq(run_model(&fake_images, "reconstruct --weights W.safetensors --data video --out out --threads 1"), 1);
    ck_assert_says("error: video/0.png: the mean of frames 0 and after is not finite; use other weights");
}
END_TEST

static void spoil_target(const ModelStep *step) {
    fake_frames.targets[0]->program[0].run(step);
    step->output[1][2 * FRAME - 1] = NAN; /* the last pixel of the first clip's target */
}

START_TEST(a_target_that_is_not_finite_is_named) {
    const ModelCode code = {spoil_target, NULL, 0};
    ModelTarget target = *fake_frames.targets[0];
    const ModelTarget *const targets[] = {&target};
    ModelDescription model = fake_frames;
    target.program = &code;
    model.targets = targets;
    write_weights(&fake_frames, 1, 1, 0);
    ck_assert_int_eq(run_model(&model, "reconstruct --weights W.safetensors --data video --out out --threads 1"), 1);
    ck_assert_says("the target of frames 0 and after is not finite; use other weights");
    ck_assert(!exists("out/reconstruct.jsonl"));
}
END_TEST

/* ---- score ---- */

static int score(const ModelDescription *model, const char *data) {
    char line[256];
    write_weights(model, 0.5F, 0.9F, 0.25F);
    snprintf(line, sizeof line, "score --weights W.safetensors --threads 1 --out out --data %s", data);
    return run_model(model, line);
}

START_TEST(each_image_has_a_row) {
    ck_assert_int_eq(system("printf '\\0\\0\\10\\3\\0\\0\\0\\2\\0\\0\\0\\1\\0\\0\\0\\1\\1\\2' >d-images-idx3-ubyte"), 0);
    ck_assert_int_eq(score(&fake_images, "video d-images-idx3-ubyte"), 0);
    ck_assert_says("each image is scored by itself");
    ck_assert_int_eq(count_lines("out/scores.csv"), 1 + FRAMES + 2);
    expect_in("out/scores.csv", "image,frame,score\nvideo/0.png,0,0.25");
    expect_in("out/scores.csv", "\nvideo/10.png,0,0.25");
    expect_in("out/scores.csv", "\nd-images-idx3-ubyte,1,0.25");
    ck_assert_says("  1  0.252"); /* the darkest: 0.25 + (0.1 · 0.99)² / 4 */
    ck_assert_says("frame 0 of d-images-idx3-ubyte");
    expect_in("out/scores.svg", "images: score of each image, logarithmic");
    ck_assert(exists("out/real_worst1_video001_frame0.png") && exists("out/recon_worst1_video001_frame0.png"));
}
END_TEST

START_TEST(an_image_without_a_finite_score_is_nan) {
    write_picture("video/5.png", 0, 1);
    ck_assert_int_eq(score(&fake_images, "video"), 4);
    ck_assert_says("error: the score of 1 image is not finite (nan in out/scores.csv); the first is video/5.png; ");
    ck_assert_says("         the score of 1 image is not finite; the first is video/5.png\n");
    expect_in("out/scores.csv", "\nvideo/5.png,0,nan\n");
}
END_TEST

/* Both are hidden when the first batch, of three images, has been read. */
static void hide_two_images(void) {
    rename("video/4.png", "4.png");
    rename("video/9.png", "9.png");
}

static void bring_them_back(void) {
    fake_images_hook = NULL;
    rename("4.png", "video/4.png");
    rename("9.png", "video/9.png");
}

/* The noise of an image, which is among its results, depends on its number. */
START_TEST(an_image_that_vanishes_midway_costs_no_other_its_results) {
    static const char *const names[] = {"score", "reconstruct"}, *const results[] = {"scores.csv", "reconstruct.jsonl"};
    char line[256];
    write_weights(&fake_images, 0.5F, 0.9F, 0.25F);
    snprintf(line, sizeof line, "%s --weights W.safetensors --threads 1 --cache 0 --data video --out whole", names[_i]);
    ck_assert_int_eq(run_model(&fake_images, line), 0);
    fake_images_hook = hide_two_images;
    snprintf(line, sizeof line, "%s --weights W.safetensors --threads 1 --cache 0 --data video --out out", names[_i]);
    ck_assert_int_eq(run_model(&fake_images, line), 4);
    bring_them_back();
    ck_assert_says("warning: video/4.png: cannot be opened: No such file or directory; ");
    ck_assert_says("error: 2 of the inputs have no complete result: video/4.png, video/9.png;");
    snprintf(line, sizeof line,
             "grep -v -e video/4.png -e video/9.png -e total whole/%s >expected; grep -v total out/%s >found; cmp expected found",
             results[_i], results[_i]);
    ck_assert_int_eq(system(line), 0);
    ck_assert_int_eq(count_lines("found"), FRAMES - 2 + (_i == 0));
}
END_TEST

/* A score is the mean of its frame − 0.5. Clips begin at 0, 2, 4, 6 and 7, and score their last two frames: each of 2 … 10 once. */
START_TEST(each_frame_that_can_be_scored_has_one_row) {
    ck_assert_int_eq(score(&fake_frames, "video"), 0);
    char *text = text_of("out/scores.csv"), *line = strtok(text, "\n");
    ck_assert_str_eq(line, "video,frame,score");
    for (int frame = 2; frame < FRAMES; frame++) {
        int number;
        float value;
        line = strtok(NULL, "\n");
        ck_assert(line != NULL && sscanf(line, "video,%d,%f", &number, &value) == 2);
        ck_assert_int_eq(number, frame);
        ck_assert_float_eq_tol(value, level_of(frame) - 0.5F, 0.005F);
    }
    ck_assert_ptr_null(strtok(NULL, "\n"));
    free(text);
    expect_in("out/scores.svg", "score of each frame</text>"); /* they are negative: the plot is linear */
    ck_assert_int_eq(system("grep -i -e nan -e inf out/scores.svg"), 256);
    ck_assert_says("       9 ");
    ck_assert_says("  1  -0.700000  frame 6 of video");
    ck_assert(exists("out/real_worst1_video000_frame6.png"));
}
END_TEST

START_TEST(each_clip_has_a_row) {
    write_picture("video/4.png", 0, 1);
    ck_assert_int_eq(score(&fake_clips, "video"), 4);
    expect_in("out/scores.csv", "video,first_frame,last_frame,score\nvideo,0,3,-0.8");
    expect_in("out/scores.csv", "\nvideo,4,7,nan\nvideo,7,10,-0.3");
    ck_assert_int_eq(count_lines("out/scores.csv"), 4);
    ck_assert_says("the score of 1 clip is not finite (nan in out/scores.csv); the first is the clip from frame 4 on of video");
    ck_assert(exists("out/real_worst1_video000_frame7.png") && !exists("out/recon_worst1_video000_frame7.png"));
}
END_TEST

/* The first clip's last two frames cannot spoil the rest. */
START_TEST(a_bad_frame_costs_its_own_score) {
    write_picture("video/3.png", 0, 1);
    ck_assert_int_eq(score(&fake_frames, "video"), 4);
    expect_in("out/scores.csv", "\nvideo,3,nan\nvideo,4,-0.89");
    ck_assert_int_eq(count_lines("out/scores.csv"), FRAMES - 2 + 1);
    ck_assert_says("the score of 1 frame is not finite (nan in out/scores.csv); the first is frame 3 of video");
}
END_TEST

START_TEST(what_a_system_cannot_do_is_an_error) {
    write_weights(&fake_silent, 1, 1, 0);
    ck_assert_int_eq(run_model(&fake_silent, "score --weights W.safetensors --threads 1 --out out --data video"), 1);
    ck_assert_says("error: silent has no score; give its spec an output `reconstruction`, or `score`");
    ck_assert_int_eq(run_model(&fake_clips, "score --weights W.safetensors --out out --data video --recurrence carried"), 1);
    ck_assert_says("error: --recurrence carried is for specs of version 1");
    ck_assert(!exists("out"));
    ck_assert_int_eq(system("mkdir short && cp video/1.png video/2.png short"), 0);
    ck_assert_int_eq(score(&fake_clips, "short video"), 4);
    ck_assert_says("short: has 2 frames, but a clip needs T = 4; left out");
}
END_TEST

Suite *evaluate_suite(void) {
    Suite *suite = suite_create("evaluate");
    TCase *test_case = tcase_create("evaluate");
    tcase_add_checked_fixture(test_case, open_folder, leave_folder);
    tcase_add_loop_test(test_case, clips_overlap_and_end_with_the_video_as_asked, 0, 2);
    tcase_add_test(test_case, a_visitor_gets_all_outputs_at_the_averages);
    tcase_add_test(test_case, the_weights_come_back_after_an_error);
    tcase_add_test(test_case, clips_with_two_frames_of_target);
    tcase_add_test(test_case, images_are_reconstructed_and_all_outputs_written);
    tcase_add_test(test_case, a_target_of_two_frames_is_compared_with_two_frames);
    tcase_add_loop_test(test_case, averages_are_used_whatever_prefix_all_names_have, 0, 3);
    tcase_add_loop_test(test_case, a_system_without_reconstruction_writes_what_it_has, 0, 2);
    tcase_add_test(test_case, an_output_that_is_not_finite_is_named);
    tcase_add_test(test_case, a_target_that_is_not_finite_is_named);
    tcase_add_test(test_case, each_image_has_a_row);
    tcase_add_test(test_case, an_image_without_a_finite_score_is_nan);
    tcase_add_loop_test(test_case, an_image_that_vanishes_midway_costs_no_other_its_results, 0, 2);
    tcase_add_test(test_case, each_frame_that_can_be_scored_has_one_row);
    tcase_add_test(test_case, each_clip_has_a_row);
    tcase_add_test(test_case, a_bad_frame_costs_its_own_score);
    tcase_add_test(test_case, what_a_system_cannot_do_is_an_error);
    suite_add_tcase(suite, test_case);
    return suite;
}
