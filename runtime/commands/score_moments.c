/* score_moments.c: the worst moments of videos, and their strips. */
#include "exact.h"

#include "commands/score.h"

#include "common/file.h"
#include "common/text.h"
#include "pictures/strip.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool moments_open(Moments *moments, int64_t reach, ClipShape real, ClipShape reconstruction, Error *error) {
    *moments = (Moments){.reach = reach, .shape = {real, reconstruction}};
    for (int i = 0; i < MOMENTS; i++)
        for (int k = 0; k < 2; k++) {
            if (moments->shape[k].frames == 0) continue;
            moments->moment[i].pictures[k] = aligned_floats(clip_shape_elements(moments->shape[k]));
            if (moments->moment[i].pictures[k] == NULL) return fail_memory(error, "frames");
        }
    return true;
}

void moments_close(Moments *moments) {
    for (int i = 0; i < MOMENTS; i++)
        for (int k = 0; k < 2; k++) free(moments->moment[i].pictures[k]);
    *moments = (Moments){0};
}

void moments_note(Moments *moments, const Moment *moment) {
    Moment *list = moments->moment;
    int near = 0;
    while (near < moments->count && (list[near].video != moment->video || moment->place - list[near].place >= moments->reach)) near++;
    int last = near < moments->count ? near : moments->count < MOMENTS ? moments->count : MOMENTS - 1; /* the one to drop */
    if (last < moments->count && moment->score <= list[last].score) return;
    if (last == moments->count) moments->count++;
    Moment kept = *moment;
    for (int k = 0; k < 2; k++) {
        kept.pictures[k] = list[last].pictures[k];
        if (kept.pictures[k] == NULL) continue;
        memcpy(kept.pictures[k], moment->pictures[k], clip_shape_elements(moments->shape[k]) * sizeof(float));
    }
    int place = last;
    for (; place > 0 && list[place - 1].score < kept.score; place--) list[place] = list[place - 1];
    list[place] = kept;
}

static void print_moment(const Dataset *data, int number, const Moment *moment) {
    char *path = dataset_frame_path(data, moment->video, moment->frame);
    if (data->videos[moment->video].source.images) print_escaped(stdout, "  %d  %.6f  %s", number, moment->score, path);
    else print_escaped(stdout, "  %d  %.6f  frame %" PRId64 " of %s", number, moment->score, moment->frame, path);
    free(path);
}

bool moments_write(const Moments *moments, const Dataset *data, const char *folder, Error *error) {
    static const char *const names[2] = {"real", "recon"};
    bool good = true;
    if (moments->count > 0) printf("worst moments:\n");
    for (int i = 0; good && i < moments->count; i++) {
        const Moment *moment = &moments->moment[i];
        print_moment(data, i + 1, moment);
        for (int k = 0; good && k < 2; k++) {
            const ClipShape shape = moments->shape[k];
            if (shape.frames == 0) continue;
            char *path =
                path_join(folder, "%s_worst%d_video%03" PRId64 "_frame%" PRId64 ".png", names[k], i + 1, moment->video, moment->frame);
            good = strip_write(path, moment->pictures[k], shape.frames, shape.channels, shape.height, shape.width, FILE_RENAMED, error);
            free(path);
        }
    }
    return good;
}
