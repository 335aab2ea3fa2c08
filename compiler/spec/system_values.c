/* system_values.c: expressions become values: names are looked up, arguments counted, shapes and joined batches checked. */
#include "spec/system_internal.h"

#include <string.h>

static const struct Function {
    const char *name;
    ValueKind kind;
    int least, most, numbers; /* arguments, of which the last `numbers` are whole numbers */
    const char *use;
} functions[] = {
    {"sample", VALUE_SAMPLE, 3, 3, 0, "sample(mean, log_variance, noise)"},
    {"join", VALUE_JOIN, 2, 2, 0, "join(a, b)"},
    {"half", VALUE_HALF, 2, 2, 1, "half(v, 1) or half(v, 2)"},
    {"frames", VALUE_FRAMES, 3, 3, 2, "frames(v, first, count)"},
    {"concat", VALUE_CONCAT, 2, SYSTEM_ENTRIES, 0, "concat(a, b, …)"},
    {"add", VALUE_ADD, 2, SYSTEM_ENTRIES, 0, "add(a, b, …)"},
    {"unit", VALUE_UNIT, 1, 1, 0, "unit(v)"},
    {"detach", VALUE_DETACH, 1, 1, 0, "detach(v)"},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

void claim_functions(Builder *builder) {
    for (int i = 0; i < FUNCTIONS; i++) add_name(builder, NAME_FUNCTION, i, functions[i].name, (Mark){0, 0});
}

/* ---- what a value is called ---- */

const char *value_expression(const Value *value) {
    Text text = {0};
    const char *word = NULL;
    for (int i = 0; i < FUNCTIONS; i++)
        if (functions[i].kind == value->kind) word = functions[i].name;
    if (value->kind == VALUE_DATA) return "x";
    if (value->kind == VALUE_NOISE) return value->noise->name;
    if (value->kind == VALUE_RESULT)
        return format("%s.%s", value_label(value->operands[0]), source_name(value->operands[0]->call->network, value->source));
    if (value->kind == VALUE_CALL) word = value->call->network->name;
    text_add(&text, "%s(", word);
    for (int i = 0; i < value->operand_count; i++) text_add(&text, "%s%s", i ? ", " : "", value_label(value->operands[i]));
    if (value->kind == VALUE_HALF) text_add(&text, ", %d", value->half + 1);
    if (value->kind == VALUE_FRAMES) text_add(&text, ", %d, %d", value->first, value->count);
    return format("%s)", text.bytes);
}

const char *value_label(const Value *value) {
    return value->name ? value->name : value_expression(value);
}

/* ---- nodes ---- */

static bool same_value(const Value *a, const Value *b) {
    if (a->kind != b->kind || a->operand_count != b->operand_count || a->noise != b->noise || a->half != b->half || a->first != b->first ||
        a->count != b->count || a->source.kind != b->source.kind || a->source.index != b->source.index)
        return false;
    for (int i = 0; i < a->operand_count; i++)
        if (a->operands[i] != b->operands[i]) return false;
    return true;
}

/* The node: one that is there already, unless it is a call. NULL after reporting that there are too many. */
static Value *add_value(Builder *builder, Value value) {
    System *system = builder->system;
    for (int i = 0; i < system->value_count && value.kind != VALUE_CALL; i++)
        if (same_value(system->values[i], &value)) return system->values[i];
    if (system->value_count == SYSTEM_VALUES) {
        spec_error(builder->errors, value.mark, 1, "make do with fewer", "the expressions have more than %d parts", SYSTEM_VALUES);
        return NULL;
    }
    MAKE_ROOM(system->values, system->value_count, builder->value_capacity);
    Value *added = NEW(Value);
    *added = value;
    added->number = system->value_count;
    return system->values[system->value_count++] = added;
}

/* ---- names ---- */

static const char *name_hint(const Builder *builder, const char *text, bool callable) {
    const char **names = NEW_ARRAY(const char *, builder->name_count + 1);
    int count = 0;
    for (int i = 0; i < builder->name_count; i++) {
        const bool calls = builder->names[i].kind == NAME_FUNCTION || builder->names[i].kind == NAME_NETWORK;
        if (calls == callable) names[count++] = builder->names[i].name;
    }
    const char *near = nearest_name(text, names);
    if (near) return format("did you mean `%s`?", near);
    const char *first = first_names(names);
    return format("there is: %s", first ? first : "nothing");
}

static void unknown_name(Builder *builder, const Expression *expression, bool callable) {
    const bool below =
        !callable &&
        find_child(builder->draft.values && builder->draft.values->kind == NODE_MAP ? builder->draft.values : NULL, expression->text);
    if (below)
        spec_error(builder->errors, expression->mark, expression->width,
                   "move its line up; values cannot be made of each other in a circle",
                   "`%s` does not stand above this: each value is made from what stands above it", shown(expression->text));
    else
        spec_error(builder->errors, expression->mark, expression->width, name_hint(builder, expression->text, callable),
                   callable ? "unknown network or function '%s'" : "unknown name '%s'", shown(expression->text));
}

static Value *resolve_name(Builder *builder, const Expression *expression) {
    const Named *named = find_name(builder, expression->text);
    if (!named) return unknown_name(builder, expression, false), NULL;
    switch (named->kind) {
    case NAME_DATA:
        return builder->system->values[0];
    case NAME_NOISE:
        return builder->system->values[1 + named->index];
    case NAME_VALUE:
        return builder->system->definitions[named->index].value; /* NULL: an error in it was reported */
    case NAME_NETWORK:
    case NAME_FUNCTION:
        break;
    }
    spec_error(builder->errors, expression->mark, expression->width, format("write %s(…), with its arguments", named->name),
               "`%s` is a %s, not a value", named->name, named->kind == NAME_NETWORK ? "network" : "function");
    return NULL;
}

static Value *resolve_result(Builder *builder, const Expression *expression) {
    Value *call = resolve_name(builder, expression);
    Source source;
    if (!call) return NULL;
    if (call->kind != VALUE_CALL) {
        spec_error(builder->errors, expression->mark, expression->width, "name.layer is of a value that is a call of a network",
                   "`%s` is not a call: it has no '%s'", shown(expression->text), shown(expression->result));
        return NULL;
    }
    const Network *network = call->call->network;
    if (!find_result(network, expression->result, &source)) {
        const char **names = result_names(network), *near = nearest_name(expression->result, names), *first = first_names(names);
        spec_error(builder->errors, expression->result_mark, (int)strlen(expression->result),
                   near    ? format("did you mean `%s`?", near)
                   : first ? format("`%s` names: %s", network->name, first)
                           : format("give the layer a `name` in `%s`", network->name),
                   "no layer of `%s` is named '%s'", network->name, shown(expression->result));
        return NULL;
    }
    Value value = {.kind = VALUE_RESULT, .operand_count = 1, .joined = call->joined, .source = source, .mark = expression->mark};
    value.shape = source_shape(network, source);
    value.operands = NEW_ARRAY(Value *, 1);
    value.operands[0] = call;
    return add_value(builder, value);
}

/* ---- calls of networks ---- */

/* The first call gives the network its shapes; the others have the same. */
static bool fit_inputs(Builder *builder, Network *network, const Value *call) {
    NetworkDraft *draft = &builder->networks[network->index];
    for (int i = 0; i < network->input_count && draft->first_call; i++) {
        const Value *operand = call->operands[i];
        if (shapes_equal(network->inputs[i].shape, operand->shape)) continue;
        spec_error(builder->errors, call->mark, 1,
                   format("%sin line %d it is %s; for values of another shape, write a network of its own (`like: %s`)",
                          shape_history(operand, network->inputs[i].shape), draft->first_call->mark.line,
                          size_text(network->inputs[i].shape), network->name),
                   "calls of `%s` disagree: its input %s is %s here, and %s in line %d, column %d", network->name, network->inputs[i].name,
                   size_text(operand->shape), size_text(network->inputs[i].shape), draft->first_call->mark.line,
                   draft->first_call->mark.column);
        return false;
    }
    if (draft->first_call) return true;
    for (int i = 0; i < network->input_count; i++) network->inputs[i].shape = call->operands[i]->shape;
    if (follow_layers(builder, network, call->mark)) return true;
    draft->broken = true;
    return false;
}

static Value *call_network(Builder *builder, Network *network, const Expression *expression, Value value) {
    NetworkDraft *draft = &builder->networks[network->index];
    if (builder->within) {
        spec_error(builder->errors, expression->mark, expression->width, "write the call in `values`, under a name",
                   "%s does not call networks", builder->within);
        return NULL;
    }
    if (value.operand_count != network->input_count) {
        Text inputs = {0};
        for (int i = 0; i < network->input_count; i++) text_add(&inputs, "%s%s", i ? ", " : "", network->inputs[i].name);
        if (!draft->broken)
            spec_error(builder->errors, expression->mark, expression->width, format("write %s(%s)", network->name, inputs.bytes),
                       "`%s` has %d input%s, not %d", network->name, network->input_count, network->input_count == 1 ? "" : "s",
                       value.operand_count);
        return NULL;
    }
    if (draft->broken) return NULL;
    value.kind = VALUE_CALL;
    const bool fits = fit_inputs(builder, network, &value);
    NetworkCall *call = NEW(NetworkCall);
    *call = (NetworkCall){network, network->call_count++, builder->in_outputs, NULL, expression->mark};
    if (!draft->first_call) draft->first_call = call;
    if (!fits) return NULL;
    value.call = call;
    value.shape = network->layers[network->layer_count - 1].out;
    call->value = add_value(builder, value);
    MAKE_ROOM(builder->system->calls, builder->system->call_count, builder->call_capacity);
    builder->system->calls[builder->system->call_count++] = call;
    return call->value;
}

/* ---- functions ---- */

static bool refuse(Builder *builder, const Expression *at, const char *remedy, const char *message) {
    spec_error(builder->errors, at->mark, at->width, remedy, "%s", message);
    return false;
}

/* Operands of one shape. */
static bool check_alike(Builder *builder, const Expression *at, const Value *value) {
    for (int i = 1; i < value->operand_count; i++) {
        const Value *first = value->operands[0], *other = value->operands[i];
        if (!shapes_equal(first->shape, other->shape))
            return refuse(builder, at, mend_shapes(first, other),
                          format("`%s` is %s, but `%s` is %s: `%s` takes values of one shape", value_label(first), size_text(first->shape),
                                 value_label(other), size_text(other->shape), at->text));
    }
    return true;
}

static bool whole_argument(Builder *builder, const Expression *number, double least, double most, const char *what, int *result) {
    const bool whole =
        number->kind == EXPRESSION_NUMBER && number->number >= least && number->number <= most && number->number == (int)number->number;
    if (!whole)
        return refuse(builder, number, "`half` takes 1 or 2; `frames` takes the first frame, from 0, and how many",
                      format("%s must be a whole number, %.0f to %.0f, not '%s'", what, least, most, shown(number->text)));
    *result = (int)number->number;
    return true;
}

static bool complete_function(Builder *builder, const Expression *at, const Expression *numbers, Value *value) {
    const Value *first = value->operands[0];
    value->shape = first->shape;
    value->joined = first->joined;
    if (value->kind == VALUE_JOIN) {
        if (first->joined)
            return refuse(builder, at, "join what is not joined; `half` takes one of two halves",
                          "`join` of values that are joined already");
        value->joined = true;
        return check_alike(builder, at, value);
    }
    if (value->kind == VALUE_HALF) {
        if (!first->joined)
            return refuse(builder, at, "a call with a joined argument is joined, too",
                          format("`half` of `%s`, which is not joined", value_label(first)));
        if (!whole_argument(builder, numbers, 1, 2, "the half", &value->half)) return false;
        value->half--;
        value->joined = false;
        return true;
    }
    if (value->kind == VALUE_FRAMES) {
        const int T = first->shape.T;
        if (!whole_argument(builder, numbers, 0, T - 1, "the first frame", &value->first)) return false;
        if (!whole_argument(builder, numbers->next, 1, T - value->first, "the number of frames", &value->count)) return false;
        value->shape.T = value->count;
        return true;
    }
    if (value->kind == VALUE_CONCAT) {
        Shape *shapes = NEW_ARRAY(Shape, value->operand_count);
        for (int i = 0; i < value->operand_count; i++) shapes[i] = value->operands[i]->shape;
        const char *problem = merge_shapes(true, shapes, value->operand_count, &value->shape);
        return !problem || refuse(builder, at, "T, H and W have to agree", problem);
    }
    return check_alike(builder, at, value);
}

static Value *call_function(Builder *builder, const struct Function *function, const Expression *expression, Value value) {
    if (expression->count < function->least || expression->count > function->most) {
        spec_error(builder->errors, expression->mark, expression->width, format("write %s", function->use),
                   "`%s` has %d argument%s here, too %s", function->name, expression->count, expression->count == 1 ? "" : "s",
                   expression->count < function->least ? "few" : "many");
        return NULL;
    }
    const Expression *numbers = expression->first;
    for (int i = 0; i < value.operand_count; i++) numbers = numbers->next;
    value.kind = function->kind;
    return complete_function(builder, expression, numbers, &value) ? add_value(builder, value) : NULL;
}

static Value *resolve(Builder *builder, const Expression *expression);

static Value *resolve_call(Builder *builder, const Expression *expression) {
    const Named *named = find_name(builder, expression->text);
    if (!named) return unknown_name(builder, expression, true), NULL;
    if (named->kind != NAME_FUNCTION && named->kind != NAME_NETWORK) {
        spec_error(builder->errors, expression->mark, expression->width, "networks and functions are called",
                   "`%s` is a value, not a network or a function", named->name);
        return NULL;
    }
    const struct Function *function = named->kind == NAME_FUNCTION ? &functions[named->index] : NULL;
    Value value = {.mark = expression->mark, .operands = NEW_ARRAY(Value *, expression->count + 1)};
    const int values = expression->count - (function && expression->count >= function->least ? function->numbers : 0);
    bool known = true;
    int i = 0;
    for (const Expression *argument = expression->first; argument && i < values; argument = argument->next, i++)
        known &= (value.operands[i] = resolve(builder, argument)) != NULL;
    value.operand_count = values;
    if (!known) {
        if (!function) builder->networks[named->index].broken = true;
        return NULL;
    }
    for (i = 1; i < values; i++)
        if (value.operands[i]->joined != value.operands[0]->joined) {
            const Value *joined = value.operands[value.operands[0]->joined ? 0 : i],
                        *other = value.operands[value.operands[0]->joined ? i : 0];
            spec_error(builder->errors, expression->mark, expression->width, "join the others, too, or take a `half`",
                       "`%s` takes joined values together, or none: `%s` is joined, `%s` is not", named->name, value_label(joined),
                       value_label(other));
            return NULL;
        }
    value.joined = values > 0 && value.operands[0]->joined;
    return function ? call_function(builder, function, expression, value)
                    : call_network(builder, &builder->system->networks[named->index], expression, value);
}

static Value *resolve(Builder *builder, const Expression *expression) {
    switch (expression->kind) {
    case EXPRESSION_NAME:
        return resolve_name(builder, expression);
    case EXPRESSION_RESULT:
        return resolve_result(builder, expression);
    case EXPRESSION_CALL:
        return resolve_call(builder, expression);
    case EXPRESSION_NUMBER:
        break;
    }
    spec_error(builder->errors, expression->mark, expression->width,
               "numbers stand in `half(v, 1)` and `frames(v, first, count)`, and as targets of losses",
               "a number, %s, where a value is expected", shown(expression->text));
    return NULL;
}

Value *read_value_of(Builder *builder, const SpecNode *node) {
    const Expression *expression = parse_expression(builder->errors, node);
    return expression ? resolve(builder, expression) : NULL;
}

/* ---- the section ---- */

static void add_inputs(Builder *builder) {
    const Spec *spec = builder->spec;
    add_value(builder, (Value){.kind = VALUE_DATA, .shape = {spec->channels, spec->T, spec->height, spec->width}});
    for (int i = 0; i < builder->system->noise_count; i++)
        add_value(builder, (Value){.kind = VALUE_NOISE, .shape = builder->system->noises[i].shape, .noise = &builder->system->noises[i]});
}

void read_values(Builder *builder) {
    System *system = builder->system;
    const SpecNode **entries = NULL;
    add_inputs(builder);
    const int count = named_entries(builder->errors, "values", "a value", builder->draft.values, &entries);
    system->definitions = NEW_ARRAY(Definition, count + 1);
    for (int i = 0; i < count; i++) {
        const int before = system->value_count;
        Value *value = read_value_of(builder, entries[i]);
        if (value && value->number >= before) value->name = entries[i]->key->text;
        system->definitions[i] = (Definition){entries[i]->key->text, value, entries[i]->key->mark};
        system->definition_count++;
        claim_name(builder, NAME_VALUE, i, entries[i]->key);
    }
}
