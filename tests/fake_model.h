/* fake_model.h: a model that is small enough to write by hand, to test the trainer's program without the compiler. */
#ifndef ZOETROPE_FAKE_MODEL_H
#define ZOETROPE_FAKE_MODEL_H

#include "../runtime/model.h"

/* y = weight · x + bias + h0[b, 0] / 100, with Adam. Batch norm's statistics follow the mean of x, and affect only the result of
 * evaluation. Targets: fast, absent (which no CPU has), generic. */
extern const ModelDescription fake_model;

/* The same with another hash of the spec. */
extern const ModelDescription other_fake_model;

/* The same, but its targets were compiled with another tuning file. */
extern const ModelDescription tuned_fake_model;

/* Called before every training step; NULL: nothing. */
extern void (*fake_model_hook)(void);
/* The same before every batch that is evaluated. */
extern void (*fake_model_evaluation_hook)(void);

/* Added to every reconstruction in training, and only to the gradients, to make a model go wrong. */
extern float fake_model_poison, fake_model_gradient_poison;

/* Frames whose first pixel is white have no finite score. */
extern bool fake_model_white_is_bad;

#endif
