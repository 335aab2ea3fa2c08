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

/* A text that will be the file `name` of the folder. */
Text *add_output(Output *output, const char *name);
/* Makes the folder where it is missing and writes the files. On failure reports it and returns false: files and folders that were there
 * are as they were, others are gone again. */
bool write_output(const Output *output);
/* Whether write_output could, as far as that can be known before; what stands in its way is reported. Nothing is changed: for those who
 * have long work to do for what is to be written. */
bool can_write_output(const Output *output);

#endif
