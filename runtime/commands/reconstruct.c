/* reconstruct.c: splits videos into clips, reconstructs each and measures it. */
#include "exact.h"

#include "commands/commands.h"
#include "common/file.h"
#include "common/text.h"
#include "model/evaluate.h"
#include "model/quality.h"
#include "options/prepare.h"
#include "pictures/strip.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Measures { /* of a clip, or sums over clips */
    double psnr, ssim;
    double loss;  /* version 1 */
    double score; /* version 2: mean over the frames that have one */
} Measures;

typedef struct Reconstruction {
    const ModelDescription *model;
    Dataset *data;
    const char *folder;
    bool compared; /* there are PSNR and SSIM */
    bool scored;   /* there is a score */
    FILE *lines;   /* of reconstruct.jsonl, in memory until it is complete */
    int64_t clips;
    Measures sum;
} Reconstruction;

/* ---- what is written ---- */

typedef enum { WRITTEN_AS_STRIPS, WRITTEN_AS_NUMBERS, NOT_WRITTEN } OutputForm;

static OutputForm form_of(ClipShape shape) {
    if (is_picture(shape)) return WRITTEN_AS_STRIPS;
    return shape.height == 1 && shape.width == 1 ? WRITTEN_AS_NUMBERS : NOT_WRITTEN;
}

static bool find_compared(const ModelDescription *model) {
    const ModelArgument *reconstruction = find_output(model, "reconstruction"), *target = find_output(model, "target");
    if (reconstruction == NULL) return false;
    const ClipShape shape = output_shape(reconstruction), other = target != NULL ? output_shape(target) : data_shape(model);
    return is_picture(shape) && clip_shapes_agree(shape, other);
}

/* Of a system, what there is instead of what one might expect. */
static void print_notes(const Reconstruction *run) {
    const ModelDescription *model = run->model;
    const ModelProgram *program = &model->programs[model->evaluate];
    if (find_output(model, "reconstruction") == NULL) printf("note: %s has no output `reconstruction`: no PSNR and no SSIM\n", model->name);
    else if (!run->compared)
        printf("note: no PSNR and no SSIM: `reconstruction` is no picture of 1 or 3 channels, or has another shape than `target`\n");
    for (int i = 0; i < program->outputs; i++) {
        const char *name = output_name(model, &program->output[i]);
        if (name == NULL || strcmp(name, "target") == 0) continue;
        const ClipShape shape = output_shape(&program->output[i]);
        if (form_of(shape) == NOT_WRITTEN)
            printf("note: the output `%s` is not written: %d channels of %d × %d are no picture\n", name, shape.channels, shape.height,
                   shape.width);
        else if (form_of(shape) == WRITTEN_AS_NUMBERS) printf("note: the output `%s` is in reconstruct.jsonl, as numbers\n", name);
    }
}

/* ---- a clip ---- */

static Measures measure(const Reconstruction *run, const EvaluatedClip *clip) {
    const ClipShape shape = clip->shape;
    Measures measures = {0};
    if (run->compared) {
        measures.psnr = clip_psnr(clip->target, clip->reconstruction, clip_shape_elements(shape));
        measures.ssim = clip_ssim(clip->target, clip->reconstruction, shape.frames, shape.channels, shape.height, shape.width);
    }
    if (run->model->language == 1) measures.loss = clip_loss(run->model, clip->x, clip->reconstruction);
    if (run->scored) measures.score = mean_score(clip);
    return measures;
}

/* The name of what is not finite in the clip; NULL: all of it is. Values come first, for what is
 * measured is not finite where they are not. */
static const char *find_not_finite(const Reconstruction *run, const EvaluatedClip *clip, const Measures *measures) {
    if (run->model->language == 1 && !(measures->loss < 1e300)) return "reconstruction";
    for (int i = 0; run->model->language > 1 && i < clip->outputs; i++)
        if (!all_finite(clip->output[i].values, clip_shape_elements(clip->output[i].shape))) return clip->output[i].name;
    if (!all_finite(clip->target, clip_shape_elements(clip->target_shape))) return "target";
    if (!isfinite(measures->psnr)) return "PSNR";
    if (!isfinite(measures->ssim)) return "SSIM";
    return isfinite(measures->score) ? NULL : "score";
}

/* Writes a strip, and its name in the line. */
static bool add_strip(const Reconstruction *run, const EvaluatedClip *clip, const char *key, const char *prefix, ClipShape shape,
                      const float *values, Error *error) {
    char *name = path_join("", "%s_video%03" PRId64 "_no%" PRId64 ".png", prefix, clip->video, clip->clip);
    char *path = path_join(run->folder, "%s", name);
    fprintf(run->lines, ", \"%s\": \"%s\"", key, name);
    const bool good = strip_write(path, values, shape.frames, shape.channels, shape.height, shape.width, FILE_RENAMED, error);
    free(path);
    free(name);
    return good;
}

/* A list of the frames' lists. */
static void add_numbers(FILE *out, const EvaluatedOutput *output) {
    fprintf(out, ", \"output.%s\": [", output->name);
    for (int frame = 0; frame < output->shape.frames; frame++) {
        const float *values = output->values + (size_t)frame * (size_t)output->shape.channels;
        for (int i = 0; i < output->shape.channels; i++) fprintf(out, "%s%.9g", i > 0 ? ", " : frame > 0 ? "], [" : "[", (double)values[i]);
    }
    fputs("]]", out);
}

static bool add_outputs(const Reconstruction *run, const EvaluatedClip *clip, Error *error) {
    bool good = true;
    if (clip->reconstruction != NULL && is_picture(clip->shape)) {
        if (is_picture(clip->target_shape)) good = add_strip(run, clip, "real", "real", clip->target_shape, clip->target, error);
        good = good && add_strip(run, clip, "recon", "recon", clip->shape, clip->reconstruction, error);
    }
    for (int i = 0; good && i < clip->outputs; i++) {
        const EvaluatedOutput *output = &clip->output[i];
        const OutputForm form = form_of(output->shape);
        if (form == WRITTEN_AS_NUMBERS) add_numbers(run->lines, output);
        if (form != WRITTEN_AS_STRIPS || output->values == clip->reconstruction) continue;
        char *key = path_join("", "output.%s", output->name);
        good = add_strip(run, clip, key, key, output->shape, output->values, error);
        free(key);
    }
    return good;
}

static void print_clip(const Reconstruction *run, const EvaluatedClip *clip, const Measures *measures, const char *path) {
    char numbers[80] = "";
    size_t length = 0;
    if (run->compared) length = (size_t)snprintf(numbers, sizeof numbers, " %9.2f %8.4f", measures->psnr, measures->ssim);
    if (run->scored) snprintf(numbers + length, sizeof numbers - length, " %10.6g", measures->score);
    print_escaped(stdout, "%5" PRId64 " %8" PRId64 "%s  %s", clip->clip, clip->first_frame, numbers, path);
}

static void add_measures(const Reconstruction *run, const Measures *measures) {
    if (run->compared) fprintf(run->lines, ", \"psnr\": %.6f, \"ssim\": %.6f", measures->psnr, measures->ssim);
    if (run->model->language == 1) fprintf(run->lines, ", \"loss\": %.9g", measures->loss);
    if (run->scored) fprintf(run->lines, ", \"score\": %.9g", measures->score);
}

static bool visit_clip(void *context, const EvaluatedClip *clip, Error *error) {
    Reconstruction *run = context;
    const Measures measures = measure(run, clip);
    char *path = dataset_frame_path(run->data, clip->video, clip->first_frame), *quoted = json_quoted(path);
    const char *bad = find_not_finite(run, clip, &measures);
    if (bad != NULL)
        fail(error, "%s: the %s of frames %" PRId64 " and after is not finite; use other weights", path, bad, clip->first_frame);
    fprintf(run->lines, "{\"video\": %s, \"clip\": %" PRId64 ", \"first_frame\": %" PRId64, quoted, clip->clip, clip->first_frame);
    add_measures(run, &measures);
    const bool good = bad == NULL && add_outputs(run, clip, error);
    fputs("}\n", run->lines);
    if (bad == NULL) print_clip(run, clip, &measures, path);
    run->clips++;
    run->sum.psnr += measures.psnr;
    run->sum.ssim += measures.ssim;
    run->sum.loss += measures.loss;
    run->sum.score += measures.score;
    free(quoted);
    free(path);
    return good;
}

static void leave_out(void *context, int64_t video, int64_t frame, const Error *reason) {
    Reconstruction *run = context;
    print_escaped(stderr, "warning: %s; %s left out", reason->text,
                  run->data->videos[video].source.images ? "it is" : "its remaining clips are");
    dataset_note_lost(run->data, video, frame);
}

/* ---- all clips ---- */

static int64_t left_over(const Dataset *data) {
    int64_t frames = 0;
    for (int64_t i = 0; i < data->count; i++) frames += dataset_left_over(data, i);
    return frames;
}

static void print_totals(const Reconstruction *run) {
    const double clips = run->clips > 0 ? (double)run->clips : 1;
    const Measures mean = {run->sum.psnr / clips, run->sum.ssim / clips, run->sum.loss / clips, run->sum.score / clips};
    const int64_t videos = run->data->count, left = left_over(run->data);
    fprintf(run->lines, "{\"total\": true, \"videos\": %" PRId64 ", \"clips\": %" PRId64 ", \"frames_left_over\": %" PRId64, videos,
            run->clips, left);
    add_measures(run, &mean);
    fputs("}\n", run->lines);
    if (run->model->T == 1) printf("mean of %" PRId64 " %s:", run->clips, plural(run->clips, "image", "images"));
    else
        printf("mean of %" PRId64 " %s of %" PRId64 " %s:", run->clips, plural(run->clips, "clip", "clips"), videos,
               plural(videos, "video", "videos"));
    if (run->compared) printf(" PSNR %.2f dB, SSIM %.4f", mean.psnr, mean.ssim);
    if (run->model->language == 1) printf(", loss %.6g", mean.loss);
    if (run->scored) printf("%s score %.6g", run->compared ? "," : "", mean.score);
    putchar('\n');
    if (run->model->T > 1)
        printf("%" PRId64 " %s not fill a clip of %d and %s left over\n", left,
               plural(left, "frame at the end of a video does", "frames at the ends of videos do"), run->model->T,
               plural(left, "was", "were"));
}

/* The weights, then the data, then every clip. */
static bool reconstruct(ModelState *state, Dataset *data, const char *folder, const char *path, Error *error) {
    char *text = NULL;
    size_t length = 0;
    const ModelDescription *model = state->model;
    Reconstruction run = {.model = model,
                          .data = data,
                          .folder = folder,
                          .compared = find_compared(model),
                          .scored = model->language > 1 && score_argument(model) != NULL,
                          .lines = open_memstream(&text, &length)};
    if (run.lines == NULL) return fail_memory(error, "the results");
    if (model->language > 1) print_notes(&run);
    printf(" clip    frame%s%s  %s\n", run.compared ? "  PSNR, dB    SSIM" : "", run.scored ? "      score" : "",
           model->T == 1 ? "image" : "video");
    const EvaluationVisitor visitor = {.visit = visit_clip, .leave_out = leave_out, .context = &run};
    bool good = evaluate_data(state, data, &visitor, error) && (run.clips > 0 || fail(error, "none of the clips can be read any more"));
    if (good) print_totals(&run);
    if (fclose(run.lines) != 0 && good) good = fail_memory(error, "the results");
    good = good && file_write(path, &(FilePart){.bytes = text, .length = length}, 1, FILE_DURABLE, error);
    free(text);
    return good;
}

/* The folder, the data, then every clip. Returns the exit status. */
static int run_reconstruction(ModelState *state, const Options *options, const char *path, Error *error) {
    size_t found;
    char description[DATASET_DESCRIPTION];
    if (!make_folders(options->out, &found, error)) return EXIT_ERROR;
    Dataset *data = open_data(state->model, &options->data, options, NULL, error);
    bool good = data != NULL;
    if (good) {
        dataset_describe(data, description, sizeof description);
        print_model(stdout, state);
        printf("data: %s\n", description);
        good = reconstruct(state, data, options->out, path, error);
    }
    const bool whole = good && dataset_check_complete(data, error);
    dataset_close(data);
    if (!good) remove_empty_folders(options->out, found);
    return whole ? EXIT_DONE : good ? EXIT_INCOMPLETE : EXIT_ERROR;
}

static const char *const results[] = {"reconstruct.jsonl", NULL};

int command_reconstruct(const ModelDescription *model, const Options *options, Error *error) {
    if (!has_evaluation(model))
        return fail(error, "%s has no outputs and no score to write; give its spec `outputs`", model->name), EXIT_ERROR;
    ModelState state;
    char *path = path_join(options->out, "reconstruct.jsonl");
    int status = EXIT_ERROR;
    if (check_no_results(options->out, results, error) &&
        model_open(&state, model, option_threads(options), option_seed(model, options), error)) {
        if (load_weights(&state, options->weights, error)) status = run_reconstruction(&state, options, path, error);
        model_close(&state);
    }
    free(path);
    return status;
}
