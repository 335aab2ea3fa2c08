/* quality.c: PSNR and loss of a clip. */
#include "exact.h"

#include "model/quality.h"

#include <math.h>

double clip_psnr(const float *x, const float *y, size_t elements) {
    double sum = 0;
    for (size_t i = 0; i < elements; i++) {
        double difference = ((double)y[i] - (double)x[i]) / 2;
        sum += difference * difference;
    }
    double psnr = -10 * log10(sum / (double)elements);
    return psnr > PSNR_EQUAL ? PSNR_EQUAL : psnr; /* NaN stays NaN */
}

double mean_psnr(const float *x, const float *y, int clips, size_t elements) {
    double sum = 0;
    for (size_t i = 0; i < (size_t)clips; i++) sum += clip_psnr(x + i * elements, y + i * elements, elements);
    return sum / clips;
}

double clip_loss(const ModelDescription *model, const float *x, const float *y) {
    size_t elements = (size_t)model->T * (size_t)model->channels * (size_t)model->height * (size_t)model->width;
    double sum = 0;
    for (size_t i = 0; i < elements; i++) {
        double difference = (double)y[i] - (double)x[i];
        sum += model->loss_is_l1 ? fabs(difference) : difference * difference;
    }
    return sum / (double)elements;
}
