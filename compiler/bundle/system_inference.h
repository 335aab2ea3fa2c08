/* system_inference.h: bundles of version 2; for inference_kind.h. Private to this room. */
#ifndef ZOETROPE_SYSTEM_INFERENCE_H
#define ZOETROPE_SYSTEM_INFERENCE_H

#include "bundle/inference_kind.h"
#include "bundle/system_layout.h"

int system_template_keys(const Inference *inference, Key *keys);
void define_system(Text *out, const Inference *inference);
Golden *system_golden(const Inference *inference, double *const *parameters);

#endif
