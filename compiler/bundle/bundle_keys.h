/* bundle_keys.h: templates, and what stands for the keys in them. */
#ifndef ZOETROPE_BUNDLE_KEYS_H
#define ZOETROPE_BUNDLE_KEYS_H

#include "bundle/inference.h"

typedef struct Key {
    const char *name, *value;
} Key;
enum { MAX_KEYS = 64 };

/* A template with @name@ replaced by the key's value, @<file@ by that template, and @<=name@ by the template that is
 * the key's value. */
const char *fill_template(const Inference *inference, const char *name);
const char *upper_case(const char *name);

/* emit_bundle.c: C about the targets */
const char *target_prototypes(const Inference *inference);
const char *target_dispatch(const Inference *inference);

#endif
