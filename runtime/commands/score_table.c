/* score_table.c: scores by video: scores.csv, a line for each video, and what is not finite. */
#include "exact.h"

#include "commands/score.h"

#include "common/file.h"
#include "common/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *score_noun(ScoreKind kind, int64_t count) {
    static const char *const nouns[][2] = {{"frame", "frames"}, {"clip", "clips"}, {"image", "images"}};
    return plural(count, nouns[kind][0], nouns[kind][1]);
}

bool score_table_open(ScoreTable *table, Dataset *data, ScoreKind kind, Error *error) {
    *table = (ScoreTable){.data = data, .kind = kind, .videos = calloc((size_t)data->count, sizeof *table->videos)};
    bool good = table->videos != NULL || fail_memory(error, "the scores");
    for (int64_t i = 0; good && i < data->count; i++) {
        table->videos[i] = (VideoScores){.score = calloc((size_t)data->videos[i].frames, sizeof(float))};
        good = table->videos[i].score != NULL || fail_memory(error, "the scores");
    }
    return good;
}

void score_table_close(ScoreTable *table) {
    for (int64_t i = 0; table->videos != NULL && i < table->data->count; i++) free(table->videos[i].score);
    free(table->videos);
    *table = (ScoreTable){0};
}

void score_table_add(ScoreTable *table, int64_t video, int64_t number, double score) {
    VideoScores *scores = &table->videos[video];
    const float rounded = (float)score;
    for (; scores->scores < number; scores->none++) scores->score[scores->scores++] = INFINITY;
    scores->score[scores->scores++] = isfinite(rounded) ? rounded : NAN;
}

void score_table_leave_out(ScoreTable *table, int64_t video, int64_t frame, const Error *reason) {
    print_escaped(stderr, "warning: %s; it has no score%s", reason->text,
                  table->data->videos[video].source.images ? "" : "s from there on");
    dataset_note_lost(table->data, video, frame);
}

/* ---- places ---- */

static const char *video_path(const ScoreTable *table, int64_t video) {
    return table->data->videos[video].source.path;
}

/* The first frame of what has the score. */
static int64_t first_frame(const ScoreTable *table, int64_t video, int64_t number) {
    const int64_t T = table->data->T, last = table->data->videos[video].frames - T;
    if (table->kind != SCORES_OF_CLIPS) return table->videos[video].first + number;
    return number * T < last ? number * T : last;
}

/* "frame 3", "the clip from frame 8 on", or an image's path; the caller frees it. */
static char *place_text(const ScoreTable *table, int64_t video, int64_t number) {
    if (table->data->videos[video].source.images) return dataset_frame_path(table->data, video, number);
    const char *pattern = table->kind == SCORES_OF_CLIPS ? "the clip from frame %" PRId64 " on" : "frame %" PRId64;
    return path_join("", pattern, first_frame(table, video, number));
}

/* ---- what is printed ---- */

void score_table_print_head(const ScoreTable *table) {
    printf("%8s       mean      worst  %s\n", score_noun(table->kind, 2), table->kind == SCORES_OF_IMAGES ? "folder or file" : "video");
}

void score_table_sum_up(ScoreTable *table, int64_t video) {
    const VideoScores *scores = &table->videos[video];
    double sum = 0, most = -INFINITY;
    int64_t finite = 0, bad = -1;
    if (scores->scores == 0) return;
    for (int64_t i = 0; i < scores->scores; i++) {
        const double score = (double)scores->score[i];
        if (isnan(score) && bad < 0) bad = i;
        if (!isfinite(score)) continue;
        finite++;
        sum += score;
        most = fmax(most, score);
    }
    print_escaped(stdout, "%8" PRId64 " %10.6f %10.6f  %s", scores->scores - scores->none, finite > 0 ? sum / (double)finite : NAN,
                  finite > 0 ? most : NAN, video_path(table, video));
    if (bad < 0) return;
    const int64_t count = scores->scores - scores->none - finite;
    char *place = place_text(table, video, bad);
    print_escaped(stdout, "         the score of %" PRId64 " %s is not finite; the first is %s", count, score_noun(table->kind, count),
                  place);
    free(place);
    if (table->not_finite == 0) {
        table->first_video = video;
        table->first_score = bad;
    }
    table->not_finite += count;
}

/* ---- scores.csv ---- */

/* A text from outside as a field of RFC 4180. */
static void print_field(FILE *out, const char *text) {
    char *escaped = escape_text(text);
    const bool quoted = strpbrk(escaped, ",\"") != NULL;
    if (quoted) fputc('"', out);
    for (const char *c = escaped; *c; c++) {
        if (*c == '"') fputc('"', out);
        fputc(*c, out);
    }
    if (quoted) fputc('"', out);
    free(escaped);
}

static void print_row(FILE *out, const ScoreTable *table, int64_t video, int64_t number) {
    const int64_t first = first_frame(table, video, number);
    const VideoSource *source = &table->data->videos[video].source;
    const double score = (double)table->videos[video].score[number];
    if (isinf(score)) return; /* none */
    if (table->kind == SCORES_OF_IMAGES) {
        char *path = dataset_frame_path(table->data, video, first);
        print_field(out, path);
        fprintf(out, ",%" PRId64, source->images ? 0 : first);
        free(path);
    } else {
        print_field(out, source->path);
        fprintf(out, ",%" PRId64, first);
    }
    if (table->kind == SCORES_OF_CLIPS) fprintf(out, ",%" PRId64, first + table->data->T - 1);
    if (isfinite(score)) fprintf(out, ",%.9g\n", score);
    else fputs(",nan\n", out);
}

bool score_table_write(const ScoreTable *table, const char *path, Error *error) {
    static const char *const heads[] = {"video,frame,score\n", "video,first_frame,last_frame,score\n", "image,frame,score\n"};
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL) return fail_memory(error, "the scores");
    fputs(heads[table->kind], out);
    for (int64_t video = 0; video < table->data->count; video++)
        for (int64_t i = 0; i < table->videos[video].scores; i++) print_row(out, table, video, i);
    const bool good = (fclose(out) == 0 || fail_memory(error, "the scores")) &&
                      file_write(path, &(FilePart){.bytes = text, .length = length}, 1, FILE_DURABLE, error);
    free(text);
    return good;
}

/* ---- faults ---- */

static bool check_finite(const ScoreTable *table, const char *path, Error *error) {
    if (table->not_finite == 0) return true;
    const bool image = table->data->videos[table->first_video].source.images;
    char *place = place_text(table, table->first_video, table->first_score);
    fail(error,
         "the score of %" PRId64 " %s is not finite (nan in %s); the first is %s%s%s; all other scores are written; check the weights",
         table->not_finite, score_noun(table->kind, table->not_finite), path, place, image ? "" : " of ",
         image ? "" : video_path(table, table->first_video));
    free(place);
    return false;
}

/* The error names all faults. */
bool score_table_check(const ScoreTable *table, const char *path, Error *error) {
    Error missing;
    const bool finite = check_finite(table, path, error);
    if (dataset_check_complete(table->data, &missing)) return finite;
    if (finite) return fail(error, "%s", missing.text);
    const size_t length = strlen(error->text);
    snprintf(error->text + length, sizeof error->text - length, "; also, %s", missing.text);
    return false;
}
