/* fake_system.h: a system of language version 2, written by hand, to test the trainer's program without the compiler. */
#ifndef ZOETROPE_FAKE_SYSTEM_H
#define ZOETROPE_FAKE_SYSTEM_H

#include "../runtime/model.h"

enum { SYSTEM_T = 2, SYSTEM_CHANNELS = 3, SYSTEM_ROWS = 4, SYSTEM_COLUMNS = 5, SYSTEM_BATCH = 4 };
enum { SYSTEM_CLIP = SYSTEM_T * SYSTEM_CHANNELS * SYSTEM_ROWS * SYSTEM_COLUMNS, SYSTEM_ELEMENTS = SYSTEM_BATCH * SYSTEM_CLIP };

/* Networks: d has a weight w; g a weight and a bias, a and b, and a batch norm's statistics m and v; f is frozen and has a weight. With x,
 * the noise e of x's shape, a noise u of 3 uniform numbers that no program reads, and dropout's factors k of x's shape:
 *
 *   step 0, twice in an iteration, updates d:     real = mean((w·k·x − 1)²); fake = mean((w·(a·e + b))²)
 *   step 1, in every second iteration, with the next batch and the draws of step 0, updates g and moves m and v once:
 *                                                 fooled = 0.5 · mean((w·k·(a·e + b) − x)²)
 *   evaluation: reconstruction = a·x + b + m; samples = a·e + b + m; score of each frame = mean((reconstruction − x)² / 4)
 *
 * d is updated by SGD. g by SGD with momentum 0.5, a schedule, and a gradient of at most norm 0.1. There are averages. */
extern const ModelDescription fake_system;

/* Called before each step with its number, and with −1 before evaluation; NULL: nothing. */
extern void (*fake_system_hook)(int step);
/* Added to the loss `fooled`. */
extern double fake_system_poison;
/* The factor of averages. */
extern float fake_system_average;

#endif
