/* data_folder.c: see data_folder.h. */
#include "data_folder.h"
#include "test_data.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char *folder;
char *warnings;
const DatasetOptions small = {.T = 4, .channels = 1, .height = 12, .width = 16};

static char path_text[4096];

void make_folder(void) {
    folder = sample_folder();
}

void remove_folder(void) {
    sample_folder_remove(folder);
    free(warnings);
    warnings = NULL;
}

const char *inside(const char *name) {
    snprintf(path_text, sizeof path_text, "%s/%s", folder, name);
    return path_text;
}

void make_folder_inside(const char *name) {
    ck_assert_int_eq(mkdir(inside(name), 0777), 0);
}

void write_text(const char *name, const char *text) {
    sample_bytes_write(inside(name), text, (long)strlen(text));
}

void write_video(const char *name, SampleVideo sample) {
    if (!sample.rows) sample.rows = 24, sample.columns = 32;
    sample_video_write(inside(name), &sample);
}

Dataset *try_open_paths(const char *const *paths, int count, DatasetOptions options, Error *error) {
    size_t size = 0;
    free(warnings);
    options.warnings = open_memstream(&warnings, &size);
    Dataset *dataset = dataset_open(paths, count, &options, error);
    fclose(options.warnings);
    return dataset;
}

Dataset *try_open(const char *path, DatasetOptions options, Error *error) {
    const char *const paths[] = {path ? path : folder};
    return try_open_paths(paths, 1, options, error);
}

Dataset *opened(DatasetOptions options) {
    Error error;
    Dataset *dataset = try_open(NULL, options, &error);
    ck_assert_msg(dataset != NULL, "%s", error.text);
    return dataset;
}

void expect_warning(const char *text) {
    ck_assert_msg(strstr(warnings, text) != NULL, "\"%s\" is not in: %s", text, warnings);
}

void expect_the_same_streamed(Dataset *dataset) {
    char *before = strdup(warnings);
    DatasetOptions options = small;
    options.cache_bytes = 1;
    Dataset *streamed = opened(options);
    ck_assert_str_eq(warnings, before);
    compare_datasets(dataset, streamed);
    free(before);
    dataset_close(streamed);
    dataset_close(dataset);
}
