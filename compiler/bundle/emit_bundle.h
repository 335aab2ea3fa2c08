/* emit_bundle.h: the folder of a bundle: kernels, and the templates of templates/ filled in. */
#ifndef ZOETROPE_EMIT_BUNDLE_H
#define ZOETROPE_EMIT_BUNDLE_H

#include "base/output.h"
#include "bundle/weights_file.h"

/* The files that are C or text. */
void emit_bundle_templates(Output *output, const Inference *inference); /* the header, the example, and how to build them */
void emit_weights_object(Text *out, const Inference *inference);
void emit_weights_array(Text *out, const Inference *inference, Bytes weights);
void emit_bundle_source(Text *out, const Inference *inference);
void emit_bundle_target(Text *out, const Inference *inference, const InferenceCode *code);

#endif
