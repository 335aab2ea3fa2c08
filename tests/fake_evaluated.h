/* fake_evaluated.h: models of specs of version 2, small enough to write by hand, to test evaluation without the compiler. */
#ifndef ZOETROPE_FAKE_EVALUATED_H
#define ZOETROPE_FAKE_EVALUATED_H

#include "../runtime/model.h"

/* All take grey frames of 12 × 16 and have two networks of one weight each: `net`, which is averaged, and `still`, which is frozen. A score
 * is not finite if the first pixel that it is of is white.
 *
 * images   T 1, B 3. reconstruction = net · x; mean, a vector of [mean of x, noise 0]; samples, in colour, from the noise alone; features,
 * 5 channels of 2 × 2; the score of a clip: mean squared error in the scale of [0, 1] + still frames   T 4, B 2. reconstruction = net ·
 * target; target: the last two frames of x; scores of these two frames, each the mean of x there − 0.5 (which may be negative) clips    T
 * 4, B 2. No reconstruction. samples; the score: the mean of x in its first frame silent   as clips, without a score */
extern const ModelDescription fake_images, fake_frames, fake_clips, fake_silent;

/* Called before every batch of images that is evaluated; NULL: nothing. */
extern void (*fake_images_hook)(void);

#endif
