/* inference.h: a spec compiled for inference alone. A network of version 1 runs one frame at a time, in pieces, and whole clips; a system
 * of version 2 gives the outputs and the score of a clip. The kernels come from the same passes as for training. The differences are the
 * graph (batch norm folded, one clip), the place of tensors (weights in a file of their own), and the programs.
 *
 *   fold.c              batch norm becomes part of the product before it
 *   inference.c         the passes of one target
 *   stream_inference.c  the graphs and programs of version 1 …
 *   system_inference.c  … and of version 2
 *   weights.c           the values of parameters, from a state_dict
 *   quantise.c          … rounded to the precision
 *   weights_file.c      the file of packed weights
 *   golden.c            an input and the expected results; golden_stream.c and golden_system.c compute them
 *   emit_bundle.c       the folder: kernels, and the templates of templates/, filled in by bundle_keys.c
 */
#ifndef ZOETROPE_INFERENCE_H
#define ZOETROPE_INFERENCE_H

#include "bundle/quantise.h"
#include "lower/program.h"

/* The past of a stream: as many frames as a clip has, or all since it began. */
typedef enum { RECURRENCE_WINDOW, RECURRENCE_CARRIED, RECURRENCES } Recurrence;
extern const char *const recurrence_names[RECURRENCES];

/* A program of a target, which becomes a function. */
typedef struct Part {
    const char *name, *meaning;
} Part;

/* Those of version 1. Frames are [1, C, H, W]. */
#define INFERENCE_PARTS(X)                                                                                                                 \
    X(encode, "A frame to its latent, in the workspace.")                                                                                  \
    X(advance, "The latent in the workspace to the caller's codes, one for each run of the recurrence; the runs' states move on.")         \
    X(decode, "The code in the workspace to a frame.")                                                                                     \
    X(score, "The mean squared error of a frame's reconstruction.")                                                                        \
    X(put_latent, "The caller's latent into the workspace.")                                                                               \
    X(take_latent, "The workspace's latent to the caller.")                                                                                \
    X(put_code, "The caller's code into the workspace.")                                                                                   \
    X(reconstruct, "A clip of T frames to its reconstruction.")

typedef enum {
#define X(name, meaning) PART_##name,
    INFERENCE_PARTS(X)
#undef X
        PART_COUNT
} InferencePart;

/* Those of version 2, where there are such graphs. */
#define SYSTEM_PARTS(X)                                                                                                                    \
    X(evaluate, "A clip to its outputs and its score.")                                                                                    \
    X(frame, "A frame to its outputs and its score.")                                                                                      \
    X(prepare, "What the search's gradient needs of a clip and does not change in it.")                                                    \
    X(search, "The gradient of a clip's score with respect to the noise that is searched.")
typedef enum {
#define X(name, meaning) SYSTEM_##name,
    SYSTEM_PARTS(X)
#undef X
        SYSTEM_PART_COUNT
} SystemPart;

enum { MAX_PARTS = PART_COUNT, MAX_GRAPHS = 3 };

/* The format of a section of weights: float32, some of them transformed for minimal filtering; or bfloat16 or int8, some of them in pairs,
 * for dot products. Lower numbers are a Precision: no weights are transformed or paired. */
enum { FORMAT_FILTERED = PRECISIONS, FORMAT_PAIRS, FORMAT_BYTE_PAIRS };
static inline bool format_has_pairs(int format) {
    return format >= FORMAT_PAIRS;
}

typedef struct InferenceCode { /* of one target */
    TargetCode base;           /* target and scratch only */
    Program program[MAX_PARTS];
    const struct FilterPlan **filter; /* by index in graph->parameter: the weight is stored transformed for filtering; NULL: as it is */
    const Buffer **weight, **scale;   /* by index in graph->parameter: offset in Tensor; a weight without a scale: NULL */
    const Buffer **copy;              /* the same weight, with lanes along its inputs, for gradients of data; NULL: there is none */
    const int *rounded;               /* by node id in the first graph: Node.rounded */
    int format;                       /* of its section: the precision, or one of those above */
    long weight_bytes, workspace_bytes;
    uint64_t layout; /* a hash of the weights' layout: targets with the same hash read the same section */
} InferenceCode;

struct InferenceKind; /* inference_kind.h */

typedef struct Inference {
    const Spec *spec;
    const struct InferenceKind *kind; /* what differs between the versions of the language */
    Precision precision;
    Recurrence recurrence; /* RECURRENCE_WINDOW, without meaning, for a network without GRU */
    Choices choices;
    int graph_count;
    Graph *graph[MAX_GRAPHS]; /* folded; with the same parameters. The first one has all of them */
    bool draws;               /* normal numbers are drawn: an initial state of version 1, or what evaluation of version 2 wants */
    long area_bytes;          /* at the start of the workspace, for the bundle's own C: see the templates */
    long file_bytes;          /* of the weights */
    bool links;               /* the weights are in an object file, too */
    long frame_elements;
    int code_count;
    InferenceCode *code[MAX_TARGETS];
    TargetCode *plain; /* the code that is the same on every target */

    /* version 1: the spec with B = 1 and T = 1, with B = 1, and with B = runs and T = 1 */
    Spec frame_spec, clip_spec, runs_spec;
    Graph *frame, *clip, *side_by_side; /* with an initial state that is given */
    long latent_elements, code_elements;
    long runs;        /* of the recurrence, side by side: see lower_stream.c */
    long h0_elements; /* the state of one run, at least 1 */

    /* version 2 */
    Graph *evaluation, *one_frame, *search; /* of one clip, and of one of its frames; NULL: it has none of that kind */
    const char *no_frames;                  /* why it has not: for a person to read */
    int prepared;                           /* nodes of the search's graph, from the first on, that do not depend on its noise */
    struct SystemLayout *layout;            /* its arguments, and what lies in the area (system_layout.h) */
} Inference;

Inference *compile_inference(const Spec *spec, Precision precision, Recurrence recurrence, const Target *const *target, int target_count,
                             int filtering);
/* NULL: a bundle can be made of it in this precision. Otherwise the reason, for a person to read. */
const char *why_no_inference(const Spec *spec, Precision precision);
/* Can a target with dot products of bfloat16 run it? A search cannot: its gradients read weights in another order than that of pairs. */
bool may_round_operands(const Spec *spec);
/* Does a stream have a past of T frames, because its runs are restarted in turn? */
bool has_window(const Inference *inference);
/* The floats of a stream's state: those of the runs; then, with a window, the initial state, if it may be drawn, and the number of frames.
 */
long state_elements(const Inference *inference);

#endif
