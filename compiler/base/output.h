/* output.h: the files of a compilation, written all together or not at all. */
#ifndef ZOETROPE_OUTPUT_H
#define ZOETROPE_OUTPUT_H

#include "base/support.h"

enum { MAX_OUTPUTS = 16 };

typedef struct Output {
    const char *directory; /* only write_output needs it */
    int count;
    struct {
        const char *name;
        Text text;
    } file[MAX_OUTPUTS];
} Output;

/* Returns the text of a new file `name` in the folder. */
Text *add_output(Output *output, const char *name);
/* Makes the folder if it is missing, and writes the files. On failure, reports it and returns false: earlier files and folders are as they
 * were, and new ones are removed. */
bool write_output(const Output *output);
/* Checks whether write_output() could succeed, as far as that can be known beforehand, and reports any obstacle. Changes nothing. It is
 * meant to be called before a long computation whose result is to be written. */
bool can_write_output(const Output *output);

#endif
