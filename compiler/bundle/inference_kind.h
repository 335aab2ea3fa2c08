/* inference_kind.h: what differs between bundles of the two versions of the language. Private to this room. */
#ifndef ZOETROPE_INFERENCE_KIND_H
#define ZOETROPE_INFERENCE_KIND_H

#include "bundle/bundle_keys.h"
#include "bundle/golden.h"
#include "lower/lowering.h"

typedef struct InferenceKind {
    const Part *part; /* the programs of a target … */
    int part_count;
    bool lists_arguments;                           /* … whose functions find the caller's memory in lists; else in fields of a struct */
    const char *header, *source, *example, *readme; /* templates */
    void (*build)(Inference *inference);            /* the graphs, and what follows from them */
    void (*lower)(const Inference *inference, InferenceCode *code, Lowering *graph); /* each graph's programs; `graph` by number */
    long (*plan)(const Inference *inference, InferenceCode *code); /* lays out the workspace, behind the area; returns its bytes */
    int (*keys)(const Inference *inference, Key *keys);            /* of its templates, MAX_KEYS at most; returns how many */
    void (*define)(Text *out, const Inference *inference);         /* numbers at the head of the shared source */
    Golden *(*golden)(const Inference *inference, double *const *parameters);
} InferenceKind;

extern const InferenceKind stream_kind, system_kind;

#endif
