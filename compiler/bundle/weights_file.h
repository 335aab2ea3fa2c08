/* weights_file.h: the file of packed weights of a bundle. */
#ifndef ZOETROPE_WEIGHTS_FILE_H
#define ZOETROPE_WEIGHTS_FILE_H

#include "bundle/golden.h"

/* The bytes of the file; see the comment of weights_file.c for the format. */
typedef struct Bytes {
    unsigned char *start;
    size_t length;
} Bytes;
/* The second of the golden is as rounding_code() computes it, or NULL. */
Bytes pack_weights(const Inference *inference, double *const *parameters, double *const *scales, const Golden *const golden[2],
                   bool big_endian);

#endif
