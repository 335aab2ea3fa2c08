/* lower_arithmetic.c: a kernel of operations that come out differently if a compiler flag or a mode of the processor permits it. A program
 * that is made of kernels runs it first, and compares the results with the bits that these operations must have.
 *
 *   operation                 as it is written     changed by
 *   round(2.5)                2                    -fassociative-math: x + c - c is x
 *   (1 + 2^24) - 2^24         0                    the same
 *   2^-100 · 2^-40            2^-140               denormal results taken for zero
 *   2^-140 + 2^-141           3 · 2^-141           denormal operands taken for zero
 *   7 / 255                   the nearest float    -freciprocal-math: x · (1 / 255)
 *   p · p - q                 0                    -ffp-contract=fast: 2^-24, by one rounding
 *   multiply_add(p, p, -q)    2^-24 where fused    an instruction of the target that is not what it should be
 *   -(1 - 1)                  -0                   -fno-signed-zeros
 *   NaN > 1 ? 1 : 2           2                    -ffinite-math-only, an error where it is known
 *   Σ 1, 2^24, 1, 1, -2^24…   1                    -fassociative-math: in another order */
#include "lower/lower_arithmetic.h"

#include "lower/finish_kernel.h"
#include "lower/kernel_builder.h"
#include "lower/storage.h"
#include "schedule/schedule.h"

#include <math.h>
#include <string.h>

#define V affine_variable

/* p² is 1 + 2^-11 + 2^-24, half way between two floats. */
enum { TIE, ONE, LARGE, SMALL, SMALLER, DENORMAL, HALF_DENORMAL, SEVEN, P, Q, NO_NUMBER, TWO, TERMS, INPUTS = TERMS + 8, OUTPUTS = 9 };
static const float given[INPUTS] = {2.5f, 1, 0x1p24f, 0x1p-100f, 0x1p-40f, 0x1p-140f, 0x1p-141f, 7,    1 + 0x1p-12f, 1 + 0x1p-11f,
                                    NAN,  2, 1,       0x1p24f,   1,        1,         -0x1p24f,  0.5f, 0.25f,        0.25f};

long arithmetic_inputs(void) {
    return INPUTS;
}

long arithmetic_outputs(void) {
    return 2 * OUTPUTS + 1;
}

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

uint32_t arithmetic_input(long row) {
    return bits_of(given[row]);
}

uint32_t arithmetic_output(const Target *target, long row) {
    const float wanted[OUTPUTS] = {2, 0, 0x1p-140f, 0x1.8p-140f, 0x1.c1c1c2p-6f, 0, target->fused ? 0x1p-24f : 0, -0.0f, 2};
    return bits_of(row == 2 * OUTPUTS ? 1 : wanted[row % OUTPUTS]);
}

static const Expression *input(const Buffer *values, long row, Affine lane) {
    const Affine at[2] = {affine_constant(row), lane};
    return load(values, at);
}

/* In vectors, and element by element. */
static void add_operations(Kernel *kernel, int number, const Buffer *values, const Target *target) {
    Compute *compute = &kernel->compute[number];
    const Affine lane = V(add_variable(compute, "lane", target->lanes, false));
#define GIVEN(row) input(values, row, lane)
    const Expression *const value[OUTPUTS] = {
        op1(ROUND, GIVEN(TIE)),
        op2(SUBTRACT, op2(ADD, GIVEN(ONE), GIVEN(LARGE)), GIVEN(LARGE)),
        op2(MULTIPLY, GIVEN(SMALL), GIVEN(SMALLER)),
        op2(ADD, GIVEN(DENORMAL), GIVEN(HALF_DENORMAL)),
        op2(DIVIDE, GIVEN(SEVEN), constant(255)),
        op2(SUBTRACT, op2(MULTIPLY, GIVEN(P), GIVEN(P)), GIVEN(Q)),
        op3(MULTIPLY_ADD, GIVEN(P), GIVEN(P), op1(NEGATE, GIVEN(Q))),
        op1(NEGATE, op2(SUBTRACT, GIVEN(ONE), GIVEN(ONE))),
        op4(SELECT_GREATER, GIVEN(NO_NUMBER), GIVEN(ONE), GIVEN(ONE), GIVEN(TWO)),
    };
#undef GIVEN
    for (int i = 0; i < OUTPUTS; i++) {
        const Affine at[2] = {affine_constant(INPUTS + OUTPUTS * number + i), lane};
        add_store(compute, values, at, value[i]);
    }
}

static void add_sum(Kernel *kernel, int number, const Buffer *values, const Target *target) {
    Compute *compute = &kernel->compute[number];
    const Affine lane = V(add_variable(compute, "lane", target->lanes, false));
    const Affine term[2] = {affine_shift(V(add_variable(compute, "term", INPUTS - TERMS, true)), TERMS), lane};
    const Affine at[2] = {affine_constant(INPUTS + 2 * OUTPUTS), lane};
    compute->sum[compute->sum_count++] = load(values, term);
    add_store(compute, values, at, sum_value(0, TYPE_F32));
}

/* In place on [INPUTS + 2 OUTPUTS + 1, lanes]: each lane has the same inputs. */
void lower_arithmetic(Lowering *l) {
    Kernel *kernel = new_kernel("arithmetic", 3);
    const long shape[2] = {arithmetic_inputs() + arithmetic_outputs(), l->target->lanes};
    const Buffer *values = new_plain("values", TYPE_F32, PLACE_VALUES, 2, shape);
    for (int i = 0; i < 2; i++) add_operations(kernel, i, values, l->target);
    add_sum(kernel, 2, values, l->target);
    kernel->comment = "what is computed otherwise where flags or modes allow it, in vectors and one by one; a sum whose order matters";
    set_work(kernel, (double)(arithmetic_outputs() * l->target->lanes));
    add_level(&kernel->schedule[0], "lane", l->target->lanes, LOOP_SERIAL);
    add_level(&kernel->schedule[0], "lane", 1, LOOP_VECTOR);
    kernel->schedule[1] = naive_schedule(&kernel->compute[1]);
    kernel->schedule[2] = naive_schedule(&kernel->compute[2]);
    finish_kernel(l, kernel, NULL);
}
