/* function.h: exp, tanh, sigmoid, log and cos as expressions. */
#ifndef ZOETROPE_FUNCTION_H
#define ZOETROPE_FUNCTION_H

#include "loop/expression.h"

/* exp, tanh, sigmoid, log and cos as straight-line expressions of the operations above, float32, within 2 ulp
 * of the true value on the stated domain: exp, tanh, sigmoid: every float (NaN gives NaN); log: every float ≥ 0 (0 gives −inf; denormals
 * included), NaN below 0; cos: [0, 2π]. */
const Expression *function_exp(const Expression *x);
const Expression *function_tanh(const Expression *x);
const Expression *function_sigmoid(const Expression *x);
const Expression *function_log(const Expression *x);
const Expression *function_cos(const Expression *x);
/* Within 3 ulp, for every float: log(1 + e^x), and 1 − e^−|x|. */
const Expression *function_softplus(const Expression *x);
const Expression *function_one_minus_exp(const Expression *x);

#endif
