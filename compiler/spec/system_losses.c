/* system_losses.c: losses and their terms. */
#include "spec/system_internal.h"

static int argument_count(TermKind kind) {
    return kind == TERM_ENTROPY || kind == TERM_MEAN ? 1 : 2;
}

static const char *example(TermKind kind) {
    return format("write `%s: [%s]`", term_kind_names[kind],
                  kind == TERM_KL             ? "mean, log_variance"
                  : argument_count(kind) == 1 ? "v"
                  : kind == TERM_BCE          ? "p, target"
                                              : "v, target");
}

/* ---- what binary cross-entropy is taken of ---- */

typedef enum { LAST_UNKNOWN, LAST_SIGMOID, LAST_OTHER } LastActivation;

static LastActivation last_activation(const Value *value);

static LastActivation layer_activation(const Value *call, Source source) {
    const Network *network = call->call->network;
    if (source.kind == SOURCE_INPUT) return last_activation(call->operands[source.index]);
    const NetworkLayer *layer = &network->layers[source.index];
    if (layer->kind == LAYER_RESHAPE) return layer_activation(call, layer->from[0]);
    const bool product = has_product(layer->kind), gates = layer->kind == LAYER_GRU || layer->kind == LAYER_CONV_LSTM;
    if (source.kind == SOURCE_TAP) return product ? LAST_OTHER : LAST_UNKNOWN;
    if (product || layer->kind == LAYER_ACTIVATION) return layer->activation == ACTIVATION_SIGMOID ? LAST_SIGMOID : LAST_OTHER;
    return gates || layer->kind == LAYER_NORM ? LAST_OTHER : LAST_UNKNOWN;
}

/* Through names, half, frames, detach, join (check_entropy_of) and reshape. */
static LastActivation last_activation(const Value *value) {
    switch (value->kind) {
    case VALUE_HALF:
        if (value->operands[0]->kind == VALUE_JOIN) return last_activation(value->operands[0]->operands[value->half]);
        return last_activation(value->operands[0]);
    case VALUE_FRAMES:
    case VALUE_DETACH:
        return last_activation(value->operands[0]);
    case VALUE_CALL:
        return layer_activation(value, (Source){SOURCE_LAYER, value->call->network->layer_count - 1});
    case VALUE_RESULT:
        return layer_activation(value->operands[0], value->source);
    default:
        return LAST_UNKNOWN;
    }
}

static void check_entropy_of(Builder *builder, const LossTerm *term, const Value *value) {
    if (value->kind == VALUE_JOIN) {
        for (int i = 0; i < 2; i++) check_entropy_of(builder, term, value->operands[i]);
        return;
    }
    const LastActivation last = last_activation(value);
    if (term->kind == TERM_BCE && last == LAST_OTHER)
        spec_error(builder->errors, term->mark, 3, "give its last layer `activation: sigmoid`, or write `bce_with_logits`",
                   "`bce` of `%s`, whose last activation is not sigmoid: these are no probabilities", value_label(value));
    if (term->kind == TERM_BCE_WITH_LOGITS && last == LAST_SIGMOID)
        spec_error(builder->errors, term->mark, 15, "take the sigmoid away (`activation: none`), or write `bce`",
                   "`bce_with_logits` of `%s`, whose last activation is sigmoid: it takes the sigmoid itself", value_label(value));
}

/* ---- a term ---- */

static bool read_number_target(Builder *builder, const SpecNode *node, double *target) {
    double number;
    if (number_kind(node, &number) == NUMBER_NONE) return false;
    static const Key key = {.name = "target", .type = KEY_NUMBER, .minimum = -SPEC_NUMBER_LIMIT, .maximum = SPEC_NUMBER_LIMIT};
    *target = 0;
    read_value(builder->errors, &key, node, target);
    return true;
}

static bool read_arguments(Builder *builder, const SpecNode *list, LossTerm *term) {
    const int wanted = argument_count(term->kind);
    const SpecNode *nodes[2] = {NULL, NULL};
    int count = 0;
    if (list->kind == NODE_REFUSED) return false;
    if (list->kind == NODE_LIST)
        for (const SpecNode *item = list->first, *end = NULL; item && count <= SYSTEM_ENTRIES; item = item->next, count++) {
            if (count < 2) nodes[count] = item;
            if (is_cut(item, &end)) item = end;
        }
    if (list->kind != NODE_LIST || count != wanted) {
        spec_error(builder->errors, list->mark, list->width, example(term->kind), "`%s` takes a list of %d argument%s, not %s",
                   term_kind_names[term->kind], wanted, wanted == 1 ? "" : "s",
                   list->kind == NODE_LIST ? format("of %d", count) : given(list));
        return false;
    }
    term->value = read_value_of(builder, nodes[0]);
    if (wanted == 1) return term->value;
    if (term->kind != TERM_KL && read_number_target(builder, nodes[1], &term->target)) return term->value;
    term->other = read_value_of(builder, nodes[1]);
    return term->value && term->other;
}

static bool check_shapes_of(Builder *builder, const LossTerm *term, const SpecNode *list) {
    const Value *value = term->value, *other = term->other;
    const char *name = term_kind_names[term->kind];
    if (other && value->joined != other->joined) {
        spec_error(builder->errors, list->mark, list->width, "join the other, too, or take a `half`",
                   "`%s` takes joined values together, or none: `%s` is joined, `%s` is not", name,
                   value_label(value->joined ? value : other), value_label(value->joined ? other : value));
        return false;
    }
    if (other && !shapes_equal(value->shape, other->shape)) {
        spec_error(builder->errors, list->mark, list->width, mend_shapes(value, other), "`%s` is %s, but `%s` is %s", value_label(value),
                   size_text(value->shape), value_label(other), size_text(other->shape));
        return false;
    }
    if (term->kind == TERM_GRADIENT_DIFFERENCE && (value->shape.H < 2 || value->shape.W < 2)) {
        spec_error(builder->errors, list->mark, list->width, "it compares neighbouring rows and columns",
                   "`gradient_difference` of %s: height and width must be at least 2", size_text(value->shape));
        return false;
    }
    return true;
}

/* The one kind in the map; TERM_KINDS after reporting that there is none or more than one. */
static TermKind find_kind(Builder *builder, const SpecNode *map, int before) {
    TermKind kind = TERM_KINDS;
    for (int i = 0; i < TERM_KINDS; i++) {
        const SpecNode *found = find_child(map, term_kind_names[i]);
        if (!found) continue;
        if (kind == TERM_KINDS) kind = (TermKind)i;
        else
            spec_error(builder->errors, found->key->mark, found->key->width, "write a list of terms: they are added",
                       "a second kind beside `%s`: a term has one", term_kind_names[kind]);
    }
    if (kind == TERM_KINDS && builder->errors->count == before)
        spec_error(builder->errors, map->mark, map->width,
                   "a term is such as `{mse: [y, x]}`; kinds: mse, l1, bce_with_logits, bce, kl, gradient_difference, entropy, mean",
                   "the term has no kind");
    return kind;
}

static bool read_term(Builder *builder, const SpecNode *key, const SpecNode *map, LossTerm *term, bool *only_score) {
    SpecErrors *errors = builder->errors;
    const int before = errors->count;
    TermDraft draft = {.kind = TERM_KINDS};
    if (map->kind == NODE_REFUSED) return false;
    if (map->kind == NODE_MAP)
        for (int i = 0; i < TERM_KINDS; i++)
            if (find_child(map, term_kind_names[i])) draft.kind = (TermKind)i;
    const bool read = read_section(builder->reading, SECTION_TERM, key, map, &draft);
    if (map->kind != NODE_MAP) return false;
    term->kind = find_kind(builder, map, before);
    if (!read || errors->count > before) return false;
    const SpecNode *arguments = draft.arguments[term->kind], *reduce = find_child(map, "reduce");
    term->mark = arguments->key->mark;
    term->sum = term->kind == TERM_KL || draft.sum;
    term->weight = draft.weight;
    term->epsilon = draft.epsilon;
    term->falling = draft.falling;
    *only_score = draft.only;
    if (term->kind == TERM_KL && reduce && !draft.sum)
        spec_error(errors, reduce->mark, reduce->width, "remove `reduce`; `weight` scales it", "`kl` is always summed over an item");
    if (term->kind == TERM_KL && draft.falling)
        spec_error(errors, find_child(map, "over_time")->key->mark, 9, "remove it",
                   "`over_time` goes with `reduce: mean` only, and `kl` is always summed");
    builder->within = "an argument of a loss";
    const bool known = read_arguments(builder, arguments, term);
    builder->within = NULL;
    if (!known || !check_shapes_of(builder, term, arguments)) return false;
    check_entropy_of(builder, term, term->value);
    return errors->count == before;
}

static void read_loss(Builder *builder, const SpecNode *entry, NamedLoss *loss) {
    SpecErrors *errors = builder->errors;
    const bool list = entry->kind == NODE_LIST;
    *loss = (NamedLoss){.name = entry->key->text, .mark = entry->key->mark};
    if (list && (!entry->count || entry->count > SYSTEM_ENTRIES)) {
        spec_error(errors, entry->mark, entry->width, "write terms such as `{mse: [y, x]}`", "a loss is one to %d terms, not %s",
                   SYSTEM_ENTRIES, given(entry));
        return;
    }
    loss->terms = NEW_ARRAY(LossTerm, list ? entry->count : 1);
    for (const SpecNode *item = list ? entry->first : entry; item; item = list ? item->next : NULL) {
        bool only_score = false;
        LossTerm *term = &loss->terms[loss->term_count];
        if (!read_term(builder, entry->key, item, term, &only_score)) continue;
        if (loss->term_count && only_score != loss->only_score)
            spec_error(errors, item->mark, item->width, "write `only: score` in each of its terms, or in none",
                       "some terms of `%s` have `only: score`, others have not", loss->name);
        loss->only_score = only_score;
        loss->term_count++;
    }
}

void read_losses(Builder *builder) {
    System *system = builder->system;
    const SpecNode **entries = NULL;
    const int count = named_entries(builder->errors, "losses", "a loss", builder->draft.losses, &entries);
    system->losses = NEW_ARRAY(NamedLoss, count + 1);
    for (int i = 0; i < count; i++) read_loss(builder, entries[i], &system->losses[i]);
    system->loss_count = count;
}

/* ---- losses with factors ---- */

static bool read_weighed(Builder *builder, const SpecNode *name, const SpecNode *factor, WeighedLoss *losses, int *count) {
    static const Key key = {.name = "factor", .type = KEY_NUMBER, .minimum = -SPEC_NUMBER_LIMIT, .maximum = SPEC_NUMBER_LIMIT};
    SpecErrors *errors = builder->errors;
    const int found = find_among(errors, name, "loss", loss_names(builder));
    double number = 1;
    if (factor && !read_value(errors, &key, factor, &number)) return false;
    if (found < 0) return false;
    const NamedLoss *loss = &builder->system->losses[found];
    for (int i = 0; i < *count; i++)
        if (losses[i].loss == loss) {
            spec_error(errors, name->mark, name->width, "remove one of the two", "`%s` stands here a second time", loss->name);
            return false;
        }
    losses[(*count)++] = (WeighedLoss){loss, number};
    return true;
}

bool read_weighed_losses(Builder *builder, const SpecNode *node, WeighedLoss **losses, int *count) {
    const bool several = node->kind == NODE_LIST || node->kind == NODE_MAP;
    bool read = true;
    *count = 0;
    if (node->kind == NODE_REFUSED) return false;
    if ((several && (!node->count || node->count > SYSTEM_ENTRIES)) || (!several && !node->text[0])) {
        spec_error(builder->errors, node->mark, node->width, "write a loss, `[a, b]`, or `{a: 1, b: 0.5}`", "losses are expected, not %s",
                   given(node));
        return false;
    }
    *losses = NEW_ARRAY(WeighedLoss, several ? node->count : 1);
    if (!several) return read_weighed(builder, node, NULL, *losses, count);
    for (const SpecNode *child = node->first; child; child = child->next)
        read &= node->kind == NODE_MAP ? read_weighed(builder, child->key, child, *losses, count)
                                       : read_weighed(builder, child, NULL, *losses, count);
    return read;
}
