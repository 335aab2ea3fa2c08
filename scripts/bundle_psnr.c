/* bundle_psnr.c: how well a bundle reconstructs videos: `bundle_psnr WEIGHTS DIR|FILE…` prints the mean PSNR of all clips that do not
 * overlap, in dB, and how many these are. What a clip starts from depends on its number alone, so that two bundles can be compared.
 *
 * With -DSYSTEM, it is a bundle of a system with an output `reconstruction` of the data's shape.
 *
 * Compiled with -DBUNDLE=tiny -DUPPER=TINY -DBUNDLE_HEADER='"tiny.h"', the bundle's files and build/runtime.a: see inference.sh. */
#include "../runtime/common/file.h"
#include "../runtime/common/text.h"
#include "../runtime/data/dataset.h"
#include "../runtime/model/quality.h"

#include BUNDLE_HEADER

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define JOIN_AGAIN(a, b) a##_##b
#define JOIN(a, b) JOIN_AGAIN(a, b)
#define CALL(name) JOIN(BUNDLE, name)
#define SIZE(name) JOIN(UPPER, name)

static float x[SIZE(CLIP_SIZE)], y[SIZE(CLIP_SIZE)];
static char workspace[SIZE(WORKSPACE_SIZE)(1)];

#ifdef SYSTEM
_Static_assert(SIZE(OUTPUT_SIZE_reconstruction) == SIZE(CLIP_SIZE), "the reconstruction has not the data's shape");

static void reconstruct(const CALL(model) * model, uint64_t clip) {
    const CALL(draws) draws = {.seed = 1, .clip = clip};
    const CALL(outputs) out = {.reconstruction = y};
    CALL(evaluate_draws)(model, workspace, x, &draws, &out, NULL);
}
#else
static void reconstruct(const CALL(model) * model, uint64_t clip) {
    static float h0[SIZE(H0_SIZE)];
    CALL(initial_state)(h0, clip + 1); /* 0 would be zeros */
    CALL(reconstruct)(model, workspace, x, h0, y);
}
#endif

static bool open_model(CALL(model) * model, const char *path, Error *error) {
    unsigned char *bytes;
    size_t length;
    if (!file_read(path, &bytes, &length, error)) return false;
    void *memory = aligned_alloc(SIZE(ALIGNMENT), length / SIZE(ALIGNMENT) * SIZE(ALIGNMENT) + SIZE(ALIGNMENT));
    if (!memory) return fail_memory(error, "the weights");
    memcpy(memory, bytes, length);
    free(bytes);
    const int status = CALL(model_open)(model, memory, length, 1);
    return status == SIZE(OK) || fail(error, "%s: %s", path, CALL(error_text)(status));
}

static bool measure(const CALL(model) * model, const Dataset *data, Error *error) {
    ClipReader *reader = clip_reader_open(data, error);
    bool good = reader != NULL;
    double sum = 0;
    int64_t clips = 0;
    for (int64_t video = 0; good && video < data->count; video++)
        for (int64_t clip = 0; good && clip < dataset_clips(data, video); clip++) {
            good = clip_read(reader, video, clip * SIZE(T), SIZE(T), x, error);
            if (!good) {
                clip_give_up(error);
                break;
            }
            reconstruct(model, (uint64_t)clips++);
            sum += clip_psnr(x, y, SIZE(CLIP_SIZE));
        }
    clip_reader_close(reader);
    if (good) printf("%.4f %" PRId64 "\n", sum / (double)clips, clips);
    return good;
}

int main(int count, char **arguments) {
    CALL(model) model;
    Error error;
    const DatasetOptions options = {.T = SIZE(T), .channels = SIZE(CHANNELS), .height = SIZE(HEIGHT), .width = SIZE(WIDTH)};
    if (count < 3) return 2;
    bool good = open_model(&model, arguments[1], &error);
    Dataset *data = good ? dataset_open((const char *const *)(arguments + 2), count - 2, &options, &error) : NULL;
    good = data != NULL && measure(&model, data, &error);
    dataset_close(data);
    if (!good) print_escaped(stderr, "%s", error.text);
    return good ? 0 : 1;
}
