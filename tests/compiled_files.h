/* compiled_files.h: a temporary folder of C files that a test writes, compiles and runs. */
#ifndef ZOETROPE_COMPILED_FILES_H
#define ZOETROPE_COMPILED_FILES_H

#include <stdbool.h>

#define STRICT "-Wall -Wextra -Wpedantic -Wconversion -Werror" /* flags: generated C compiles without a warning */

/* A fixture. */
void make_code_folder(void);
void remove_code_folder(void);

/* The path of a name in the folder of the test that runs. */
const char *code_path(const char *name);
/* Writes a file there, and returns its path. */
const char *write_code(const char *name, const char *text);
/* The test fails if the shell command does. */
void run_command(const char *command);
bool has_program(const char *name);

#endif
