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
#include <stdlib.h>

typedef struct Reconstruction {
    const ModelDescription *model;
    Dataset *data;
    const char *folder;
    FILE *lines; /* of reconstruct.jsonl, in memory until it is complete */
    int64_t clips;
    double psnr, ssim, loss; /* sums over clips */
} Reconstruction;

static bool write_strips(const Reconstruction *run, const EvaluatedClip *clip, char *const names[2], Error *error) {
    const ModelDescription *model = run->model;
    const float *const pictures[2] = {clip->x, clip->reconstruction};
    bool good = true;
    for (int i = 0; good && i < 2; i++) {
        char *path = path_join(run->folder, "%s", names[i]);
        good = strip_write(path, pictures[i], model->T, model->channels, model->height, model->width, FILE_RENAMED, error);
        free(path);
    }
    return good;
}

static bool visit_clip(void *context, const EvaluatedClip *clip, Error *error) {
    Reconstruction *run = context;
    const ModelDescription *model = run->model;
    const char *video = run->data->videos[clip->video].source.path;
    double psnr = clip_psnr(clip->x, clip->reconstruction, clip_elements(model)), loss = clip_loss(model, clip->x, clip->reconstruction);
    double ssim = clip_ssim(clip->x, clip->reconstruction, model->T, model->channels, model->height, model->width);
    if (!(loss < 1e300))
        return fail(error, "%s: the reconstruction of frames %" PRId64 " and after is not finite; use other weights", video,
                    clip->clip * model->T);
    char *names[2] = {path_join("", "real_video%03" PRId64 "_no%" PRId64 ".png", clip->video, clip->clip),
                      path_join("", "recon_video%03" PRId64 "_no%" PRId64 ".png", clip->video, clip->clip)};
    bool good = write_strips(run, clip, names, error);
    char *quoted = json_quoted(video);
    fprintf(run->lines,
            "{\"video\": %s, \"clip\": %" PRId64 ", \"first_frame\": %" PRId64 ", \"psnr\": %.6f, \"ssim\": %.6f, \"loss\": %.9g, "
            "\"real\": \"%s\", \"recon\": \"%s\"}\n",
            quoted, clip->clip, clip->clip * model->T, psnr, ssim, loss, names[0], names[1]);
    print_escaped(stdout, "%5" PRId64 " %8" PRId64 " %9.2f %8.4f  %s", clip->clip, clip->clip * model->T, psnr, ssim, video);
    run->clips++;
    run->psnr += psnr;
    run->ssim += ssim;
    run->loss += loss;
    free(quoted);
    free(names[0]);
    free(names[1]);
    return good;
}

static void leave_out_video(void *context, int64_t video, const Error *reason) {
    Reconstruction *run = context;
    print_escaped(stderr, "warning: %s; its remaining clips are left out", reason->text);
    dataset_note_incomplete(run->data, run->data->videos[video].name);
}

static int64_t left_over(const Dataset *data) {
    int64_t frames = 0;
    for (int64_t i = 0; i < data->count; i++) frames += dataset_left_over(data, i);
    return frames;
}

static void print_totals(const Reconstruction *run) {
    double clips = run->clips > 0 ? (double)run->clips : 1;
    fprintf(run->lines,
            "{\"total\": true, \"videos\": %" PRId64 ", \"clips\": %" PRId64 ", \"frames_left_over\": %" PRId64
            ", \"psnr\": %.6f, \"ssim\": %.6f, \"loss\": %.9g}\n",
            run->data->count, run->clips, left_over(run->data), run->psnr / clips, run->ssim / clips, run->loss / clips);
    printf("mean of %" PRId64 " %s of %" PRId64 " %s: PSNR %.2f dB, SSIM %.4f, loss %.6g\n", run->clips,
           plural(run->clips, "clip", "clips"), run->data->count, plural(run->data->count, "video", "videos"), run->psnr / clips,
           run->ssim / clips, run->loss / clips);
    printf("%" PRId64 " %s not fill a clip of %d and %s left over\n", left_over(run->data),
           plural(left_over(run->data), "frame at the end of a video does", "frames at the ends of videos do"), run->model->T,
           plural(left_over(run->data), "was", "were"));
}

/* The weights, then the data, then every clip. */
static bool reconstruct(ModelState *state, Dataset *data, const char *folder, const char *path, Error *error) {
    char *text = NULL;
    size_t length = 0;
    Reconstruction run = {.model = state->model, .data = data, .folder = folder, .lines = open_memstream(&text, &length)};
    if (run.lines == NULL) return fail_memory(error, "the results");
    printf(" clip    frame  PSNR, dB    SSIM  video\n");
    const EvaluationVisitor visitor = {.visit = visit_clip, .leave_out = leave_out_video, .context = &run};
    bool good = evaluate_data(state, data, &visitor, error) && (run.clips > 0 || fail(error, "none of the clips can be read any more"));
    if (good) print_totals(&run);
    if (fclose(run.lines) != 0 && good) good = fail_memory(error, "the results");
    good = good && file_write(path, &(FilePart){text, length}, 1, FILE_DURABLE, error);
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
