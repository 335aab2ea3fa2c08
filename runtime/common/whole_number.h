/* whole_number.h: whole numbers in decimal as people write them: 6000, 6e3, 16.0. */
#ifndef ZOETROPE_WHOLE_NUMBER_H
#define ZOETROPE_WHOLE_NUMBER_H

#include <stdint.h>

typedef enum WholeNumber {
    WHOLE_READ,
    WHOLE_TOO_LARGE, /* it does not fit 64 bits */
    WHOLE_FRACTION,  /* a number that is not whole */
    WHOLE_NONE       /* not a number */
} WholeNumber;

/* Reads the number at `text`, without a sign; *end: the text after it. Exact: no digit is rounded. */
WholeNumber read_whole_number(const char *text, const char **end, uint64_t *value);

#endif
