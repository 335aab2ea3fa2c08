/* quality.h: how good a reconstruction is. */
#ifndef ZOETROPE_QUALITY_H
#define ZOETROPE_QUALITY_H

#include "model.h"

/* x and y: one clip [T, C, H, W], pixels in [−1, 1]. */

/* −10 log10(mean(((y − x) / 2)²)), with pixels in [0, 1]. Equal clips have PSNR_EQUAL, so that a number is printed. */
#define PSNR_EQUAL 200.0
double clip_psnr(const float *x, const float *y, size_t elements);
/* The mean over these many clips, one after another. */
double mean_psnr(const float *x, const float *y, int clips, size_t elements);
/* The model's loss of the clip: mean squared or mean absolute difference. */
double clip_loss(const ModelDescription *model, const float *x, const float *y);
/* Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural similarity", 2004: Gaussian
 * window of 11×11, σ 1.5, at positions inside the frame; K 0.01 and 0.03; range 1; mean over positions, channels
 * and frames. If a frame is lower or narrower than 11, the window shrinks to the largest odd size that fits. */
double clip_ssim(const float *x, const float *y, int frames, int channels, int height, int width);

#endif
