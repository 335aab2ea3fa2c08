/* compiled_files.c: see compiled_files.h. */
#include "compiled_files.h"

#include "../compiler/base/format.h"
#include "sample_video.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static char *folder;

void make_code_folder(void) {
    folder = sample_folder();
}

void remove_code_folder(void) {
    sample_folder_remove(folder);
}

const char *code_path(const char *name) {
    return format("%s/%s", folder, name);
}

const char *write_code(const char *name, const char *text) {
    const char *path = code_path(name);
    sample_bytes_write(path, text, (long)strlen(text));
    return path;
}

void run_command(const char *command) {
    ck_assert_msg(system(command) == 0, "failed: %s", command);
}

bool has_program(const char *name) {
    return system(format("command -v %s >/dev/null 2>&1", name)) == 0;
}
