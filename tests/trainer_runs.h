/* trainer_runs.h: runs the trainer's program with the model of fake_model.c, each time in a new process. */
#ifndef ZOETROPE_TRAINER_RUNS_H
#define ZOETROPE_TRAINER_RUNS_H

#include "../runtime/weights/safetensors.h"
#include "fake_model.h"

#include <string.h>

/* A fixture: a new folder as the working directory, and its removal. */
void enter_folder(void);
void leave_folder(void);

/* Runs the program with these arguments, separated by blanks. Returns its exit status, or 256 + the signal that killed it. What it printed
 * on either stream is then in `output`, and in the file of that name. */
int run_model(const ModelDescription *model, const char *line);
int run(const char *line); /* with fake_model */
extern char output[1 << 16];
#define ck_assert_says(text) ck_assert_msg(strstr(output, text) != NULL, "\"%s\" is not in:\n%s", text, output)

/* For later runs: the most bytes of a file (0: no limit), and what the process does first. */
extern long file_limit;
extern void (*before_run)(void);

/* The error of flock; 0: it works. */
extern int lock_error;

void assert_same_file(const char *a, const char *b);
int count_lines(const char *path);
TensorFile read_tensors(const char *path);
void assert_iteration(const char *path, const char *iteration); /* the iteration in a safetensors file */

/* A folder of PNG frames: 000.png … */
void make_video(const char *path, int frames);

#endif
