/* test_file.c: reading and writing files and folders as file.h says. */
#include "../runtime/common/file.h"
#include "trainer_runs.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(a_write_that_fails_leaves_the_old_file) {
    Error error;
    char *path = path_join("", "old"), *below = path_join("", "old/new"), *full = path_join("", "full.partial"),
         *name = path_join("", "full");
    unsigned char *bytes;
    size_t length;
    ck_assert(file_write(path, &(FilePart){.bytes = "old", .length = 3}, 1, FILE_DURABLE, &error));
    ck_assert(!file_write(below, &(FilePart){.bytes = "new", .length = 3}, 1, FILE_DURABLE, &error));
    ck_assert_ptr_nonnull(strstr(error.text, "old/new"));
    ck_assert(file_read(path, &bytes, &length, &error));
    ck_assert_mem_eq(bytes, "old", 3);
    free(bytes);
    if (symlink("/dev/full", full) == 0 && file_exists("/dev/full")) { /* a device without room */
        ck_assert(!file_write(name, &(FilePart){.bytes = "new", .length = 3}, 1, FILE_DURABLE, &error));
        ck_assert_ptr_nonnull(strstr(error.text, "make room"));
        ck_assert(!file_exists(name) && !file_exists(full));
    }
    free(path);
    free(below);
    free(full);
    free(name);
}
END_TEST

typedef struct Made {
    char bytes[16];
    int calls, fails; /* makes nothing of the block of this number */
} Made;

static const void *make_number(void *context, int which) {
    Made *made = context;
    made->calls++;
    snprintf(made->bytes, sizeof made->bytes, "%d", 100 * which + 23);
    return which == made->fails ? NULL : made->bytes;
}

START_TEST(parts_may_be_made_while_they_are_written) {
    Error error;
    Made made = {.fails = -1};
    const FileSource source[] = {{make_number, &made, 1}, {make_number, &made, 2}};
    const FilePart parts[] = {
        {.length = 2, .source = &source[0], .offset = 1}, {.bytes = "-", .length = 1}, {.length = 3, .source = &source[1]}};
    char *path = path_join("", "made");
    unsigned char *bytes;
    size_t length;
    ck_assert_msg(file_write(path, parts, 3, FILE_DURABLE, &error), "%s", error.text);
    ck_assert(file_read(path, &bytes, &length, &error));
    ck_assert_uint_eq(length, 6);
    ck_assert_mem_eq(bytes, "23-223", 6);
    free(bytes);
    made.fails = 2; /* the file stays as it is */
    ck_assert(!file_write(path, parts, 3, FILE_DURABLE, &error));
    ck_assert_ptr_nonnull(strstr(error.text, "more memory"));
    ck_assert(file_read(path, &bytes, &length, &error));
    ck_assert_mem_eq(bytes, "23-223", 6);
    ck_assert_int_eq(made.calls, 4);
    free(bytes);
    free(path);
}
END_TEST

/* As root, a rename would replace a device that every program uses. */
START_TEST(a_device_or_a_pipe_is_written_into_and_not_replaced) {
    char folder[] = "/tmp/zoetrope_special_XXXXXX", path[64], found[5] = "";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/pipe", folder);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    const int reader = open(path, O_RDONLY | O_NONBLOCK);
    Error error;
    ck_assert(check_place(path, &error));
    ck_assert_msg(file_write(path, &(FilePart){.bytes = "text", .length = 4}, 1, FILE_DURABLE, &error), "%s", error.text);
    ck_assert_int_eq(read(reader, found, 4), 4);
    ck_assert_str_eq(found, "text");
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert(S_ISFIFO(status.st_mode));
    close(reader);
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0); /* nothing was left beside it */
}
END_TEST

START_TEST(folders_are_made_and_go_away_again_where_they_are_empty) {
    Error error;
    size_t found;
    char *path = path_join("", "a//b/c/"), *above = path_join("", "a"), *file = path_join("", "a/file");
    ck_assert_msg(make_folders(path, &found, &error), "%s", error.text);
    ck_assert_uint_eq(found, 0);
    remove_empty_folders(path, found);
    ck_assert(!file_exists(above));
    ck_assert(make_folders(path, &found, &error) && file_write(file, NULL, 0, FILE_RENAMED, &error));
    remove_empty_folders(path, found);
    ck_assert(file_exists(file));
    free(path);
    path = path_join("", "a/d/%0300d", 0); /* a name that is too long for any file system */
    ck_assert(!make_folders(path, &found, &error));
    free(path);
    path = path_join("", "a/d");
    ck_assert(!file_exists(path) && file_exists(above));
    free(path);
    free(above);
    free(file);
}
END_TEST

START_TEST(a_long_path_does_not_crowd_out_the_reason) {
    Error error;
    size_t found;
    char *path = path_join("", "%04000d/", 0);
    unsigned char *bytes;
    ck_assert(!make_folders(path, &found, &error));
    ck_assert_ptr_nonnull(strstr(error.text, "the folder cannot be made: File name too long; choose another"));
    ck_assert(!file_read(path, &bytes, &found, &error));
    ck_assert_ptr_nonnull(strstr(error.text, "cannot be opened: File name too long"));
    free(path);
}
END_TEST

/* A dangling link exists, but is not a folder. The error says why the folder cannot be made, not that it was not found. */
START_TEST(a_folder_that_cannot_be_made_is_an_error_that_says_why) {
    Error error = {.text = ""};
    size_t found;
    ck_assert_int_eq(symlink("nowhere", "link"), 0);
    ck_assert(!make_folders("link", &found, &error));
    ck_assert_msg(strstr(error.text, strerror(EEXIST)) != NULL, "%s", error.text);
}
END_TEST

Suite *file_suite(void);

Suite *file_suite(void) {
    Suite *suite = suite_create("file");
    TCase *tests = tcase_create("file");
    tcase_add_checked_fixture(tests, enter_folder, leave_folder);
    tcase_add_test(tests, a_write_that_fails_leaves_the_old_file);
    tcase_add_test(tests, parts_may_be_made_while_they_are_written);
    tcase_add_test(tests, a_device_or_a_pipe_is_written_into_and_not_replaced);
    tcase_add_test(tests, folders_are_made_and_go_away_again_where_they_are_empty);
    tcase_add_test(tests, a_long_path_does_not_crowd_out_the_reason);
    tcase_add_test(tests, a_folder_that_cannot_be_made_is_an_error_that_says_why);
    suite_add_tcase(suite, tests);
    return suite;
}
