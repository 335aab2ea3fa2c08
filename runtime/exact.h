/* What is below is computed as it is written, whatever flags the compiler is given: each sum in its order, each operation rounded by
 * itself. Fused multiply-adds are written out where they are meant. This stands before the first header that computes. What no compiler can
 * be told here (clang's -ffp-contract=fast, a processor that takes denormals for zero), a check finds when a model is opened. */
#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "-ffast-math and -ffinite-math-only change what this program computes: compile without them"
#endif
#if defined(__clang__)
#if __clang_major__ >= 13
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wignored-pragmas" /* not for every processor has clang the first one */
#pragma float_control(precise, on)
#pragma clang diagnostic pop
#pragma clang fp reassociate(off)
#endif
#if __clang_major__ >= 18
#pragma clang fp reciprocal(off)
#endif
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("no-unsafe-math-optimizations", "no-associative-math", "no-reciprocal-math")
#pragma GCC optimize("signed-zeros", "trapping-math", "fp-contract=off", "no-single-precision-constant")
#endif
