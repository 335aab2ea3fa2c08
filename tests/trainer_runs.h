/* trainer_runs.h: runs of the trainer's program with the model of fake_model.c, each in a process of its own. */
#ifndef ZOETROPE_TRAINER_RUNS_H
#define ZOETROPE_TRAINER_RUNS_H

#include "../runtime/weights/safetensors.h"
#include "fake_model.h"

#include <string.h>

/* A fixture: a new folder as the working directory, and its removal. */
void enter_folder(void);
void leave_folder(void);

/* Runs the program with these arguments, separated by blanks; returns its exit status, and 256 + the signal where one killed it. What it
 * printed on either stream is then in `output`, and in the file of that name. */
int run_model(const ModelDescription *model, const char *line);
int run(const char *line); /* with fake_model */
extern char output[1 << 16];
#define ck_assert_says(text) ck_assert_msg(strstr(output, text) != NULL, "\"%s\" is not in:\n%s", text, output)

/* For the runs to come: bytes that a file may have (0: as many as it likes); what their process does before anything else. */
extern long file_limit;
extern void (*before_run)(void);

/* Locks of files: what flock fails with; 0: it works. */
extern int lock_error;

void assert_same_file(const char *a, const char *b);
int count_lines(const char *path);
TensorFile read_tensors(const char *path);
void assert_iteration(const char *path, const char *iteration); /* that a safetensors file says it is of */

/* A folder of PNG frames: 000.png … */
void make_video(const char *path, int frames);

#endif
