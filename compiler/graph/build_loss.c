/* build_loss.c: a term of a loss → an elementwise node, its sum over each frame, and over the frames of an item or of the batch. */
#include "graph/build_loss.h"

#include "graph/shapes.h"

typedef struct Terms {
    Graph *graph;
    const char *name;
    const LossTerm *term;
} Terms;

static Node *add_part(const Terms *terms, Operation op, const char *part, Node *a, Node *b) {
    return append_node(terms->graph, (Node){.op = op,
                                            .name = format("%s_%s", terms->name, part),
                                            .input_count = b ? 2 : 1,
                                            .input = {a, b},
                                            .epsilon = terms->term->epsilon});
}

/* [N, C, H, W] → [N, 1, 1, 1]: the sum of each frame, or the mean of `count` elements. */
static Node *add_frames(const Terms *terms, const char *part, Node *elements, double count) {
    Node frames = {.op = OP_FRAME_SUM, .name = format("%s_%s", terms->name, part), .input_count = 1, .input = {elements}};
    frames.factor = terms->term->weight / count;
    return append_node(terms->graph, frames);
}

static double frame_count(const Node *elements) {
    return (double)count_elements(elements) / (double)elements->shape[0];
}

/* | |∂v| − |∂target| | between neighbours along a dimension, of each frame. */
static Node *add_gradient_difference(const Terms *terms, int dimension, Node *value, Node *target) {
    static const char *const of[2] = {"rows", "columns"};
    Node *side[2] = {value, target};
    for (int i = 0; i < 2; i++) {
        const char *name = format("%s_%s_%s", terms->name, i ? "target" : "value", of[dimension - 2]);
        Node *difference = append_node(
            terms->graph,
            (Node){.op = OP_DIFFERENCE, .name = format("%s_difference", name), .input_count = 1, .input = {side[i]}, .which = dimension});
        side[i] = append_node(terms->graph,
                              (Node){.op = OP_ABSOLUTE, .name = format("%s_absolute", name), .input_count = 1, .input = {difference}});
    }
    Node *apart = add_part(terms, OP_ABSOLUTE_DIFFERENCE, of[dimension - 2], side[0], side[1]);
    return add_frames(terms, format("%s_frames", of[dimension - 2]), apart, terms->term->sum ? 1 : frame_count(apart));
}

static Node *add_elements(const Terms *terms, Node *value, Node *other) {
    static const Operation operation[TERM_KINDS] = {[TERM_MSE] = OP_SQUARED_DIFFERENCE,
                                                    [TERM_L1] = OP_ABSOLUTE_DIFFERENCE,
                                                    [TERM_BCE_WITH_LOGITS] = OP_BCE_WITH_LOGITS,
                                                    [TERM_BCE] = OP_BCE,
                                                    [TERM_KL] = OP_KL,
                                                    [TERM_ENTROPY] = OP_ENTROPY};
    const TermKind kind = terms->term->kind;
    if (kind == TERM_MEAN) return value;
    return add_part(terms, operation[kind], "elements", value, kind == TERM_ENTROPY ? NULL : other);
}

Node *add_loss_term(Graph *graph, const char *name, const LossTerm *term, LossOf of, Node *value, Node *other) {
    const Terms terms = {graph, name, term};
    const bool sum = term->sum || term->kind == TERM_KL, alone = term->kind == TERM_ENTROPY || term->kind == TERM_MEAN;
    if (!other && !alone) other = add_constant(graph, format("%s_target", name), value, term->target);
    Node *frames;
    if (term->kind == TERM_GRADIENT_DIFFERENCE) {
        Node *rows = add_gradient_difference(&terms, 2, value, other), *columns = add_gradient_difference(&terms, 3, value, other);
        frames = add_part(&terms, OP_ADD, "frames", rows, columns);
    } else { /* an entropy is of all channels */
        const double channels = term->kind == TERM_ENTROPY ? (double)value->shape[1] : 1;
        frames = add_frames(&terms, "frames", add_elements(&terms, value, other), sum ? 1 : frame_count(value) / channels);
    }
    if (of == LOSS_OF_FRAME) return frames;
    if (term->falling && !sum) frames = add_part(&terms, OP_FALLING, "falling", frames, NULL);
    const long rows = value->shape[0], steps = value->steps, items = rows / steps;
    return append_node(graph, (Node){.op = OP_ROW_SUM,
                                     .name = format("%s_loss", name), /* a name may be a keyword of C; a kernel's may not */
                                     .input_count = 1,
                                     .input = {frames},
                                     .rows = of == LOSS_OF_BATCH ? rows : steps,
                                     .factor = 1 / ((of == LOSS_OF_BATCH ? (double)items : 1) * (sum ? 1 : (double)steps))});
}
