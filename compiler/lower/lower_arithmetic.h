/* lower_arithmetic.h: a kernel that shows whether a program computes as it is written. */
#ifndef ZOETROPE_LOWER_ARITHMETIC_H
#define ZOETROPE_LOWER_ARITHMETIC_H

#include "target/target.h"

struct Lowering;
void lower_arithmetic(struct Lowering *l);
/* The bits of its rows of inputs, followed by those of its outputs. All lanes are alike. */
long arithmetic_inputs(void);
long arithmetic_outputs(void);
uint32_t arithmetic_input(long row);
uint32_t arithmetic_output(const Target *target, long row);

#endif
