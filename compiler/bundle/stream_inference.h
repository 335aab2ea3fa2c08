/* stream_inference.h: bundles of version 1; for inference_kind.h. Private to this room. */
#ifndef ZOETROPE_STREAM_INFERENCE_H
#define ZOETROPE_STREAM_INFERENCE_H

#include "bundle/inference_kind.h"

int stream_template_keys(const Inference *inference, Key *keys);
void define_stream(Text *out, const Inference *inference);
Golden *stream_golden(const Inference *inference, double *const *parameters);

#endif
