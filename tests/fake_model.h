/* fake_model.h: a model small enough to be written by hand, so that the trainer's program can be tested without the compiler. */
#ifndef ZOETROPE_FAKE_MODEL_H
#define ZOETROPE_FAKE_MODEL_H

#include "../runtime/model.h"

/* y = weight · x + bias + h0[b, 0] / 100, with Adam; batch norm's statistics follow the mean of x and touch the result of evaluation
 * alone. Targets: fast, absent (which no CPU has), generic. */
extern const ModelDescription fake_model;

/* The same, but its spec's hash is another. */
extern const ModelDescription other_fake_model;

/* The same, but its targets were compiled by another tuning file. */
extern const ModelDescription tuned_fake_model;

/* Called before every training step; NULL: nothing. */
extern void (*fake_model_hook)(void);
/* The same before every batch that is evaluated. */
extern void (*fake_model_evaluation_hook)(void);

/* Added to every reconstruction in training, and to the gradients alone: to make a model go wrong. */
extern float fake_model_poison, fake_model_gradient_poison;

/* Frames whose first pixel is white have no finite score. */
extern bool fake_model_white_is_bad;

#endif
