/* emit_values.c: a run of assignments as C. Values form a graph in which equal ones are one node: the same operation on the same nodes, or
 * a load of the same address with no store between that may have changed it. A value that is used more than once becomes a constant,
 * declared just before its first use. Statements keep their order. */
#include "emit/emitter.h"

#include <string.h>

enum { BUCKETS = 1024, MAX_WIDTH = 88, NAME_WIDTH = 8 };

typedef enum { VALUE_CONSTANT, VALUE_ELEMENT, VALUE_LOAD, VALUE_BROADCAST, VALUE_OPERATION } ValueKind;

typedef struct Value {
    ValueKind kind;
    ExpressionKind operation;
    Type type;
    bool vector;
    double constant;
    Element *element;
    long version;
    Access access;       /* LOAD */
    const char *address; /* LOAD: the index as text */
    int operands;
    struct Value *operand[4];
    int uses;
    bool stale; /* LOAD: memory may have changed since; no longer found */
    bool named, measured;
    int width;
    const char *name; /* once declared */
    struct Value *chain, *next_load;
} Value;

typedef struct Action { /* stores `value`; without a target: declares it, so that the stores after it do not disturb it */
    struct Action *next;
    Value *value;
    Element *element;
    Access access;
    bool to_memory, nontemporal;
} Action;

typedef struct Run {
    Emitter *emitter;
    CBlock *out;
    PointerMap built; /* the value of each expression of the current assignment */
    Value *bucket[BUCKETS], *loads;
    AddressGroup *groups;
    Action *first, **end;
} Run;

const char *element_type(Type type) {
    static const char *const names[TYPES] = {
        [TYPE_F32] = "float",     [TYPE_F64] = "double", [TYPE_PAIR] = "uint32_t",   [TYPE_F16] = "uint16_t",
        [TYPE_BF16] = "uint16_t", [TYPE_I8] = "int8_t",  [TYPE_I8_PAIR] = "uint16_t"};
    return names[type];
}

/* Lanes are floats, or pairs. */
static const VectorForms *vector_forms(const Emitter *emitter, Type type) {
    return type == TYPE_PAIR ? &emitter->printing->pairs : &emitter->printing->floats;
}

const char *type_name(const Emitter *emitter, Type type, bool vector) {
    return vector ? vector_forms(emitter, type)->type : element_type(type);
}

static const CExpression *c_constant(Type type, double value) {
    return type == TYPE_F64 ? c_double(value) : type == TYPE_PAIR ? c_atom("%.0f", value) : c_float(value);
}

/* Before it has a value of its own. */
void declare_element(Emitter *emitter, CBlock *out, Element *element) {
    Type type = element->buffer->type;
    const char *vector_zero = vector_forms(emitter, type)->zero;
    if (element->vector) use_helper(emitter->helpers, emitter->target, vector_zero);
    const CExpression *zero = element->vector ? c_atom("%s", vector_zero) : c_constant(type, 0);
    c_declare(out, format("%s ", type_name(emitter, type, element->vector)), element->name, zero);
    element->declared = true;
}

/* ---- the graph of values ---- */

static uint64_t mix(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

/* Part of the hash in which values differ most: loads of one buffer, in the constant of their offset. */
static uint64_t hash_value(const Value *v) {
    uint64_t constant;
    memcpy(&constant, &v->constant, sizeof constant);
    uint64_t hash = mix((uint64_t)v->kind << 32 | (uint64_t)v->operation, constant);
    hash = mix(mix(hash, (uint64_t)(uintptr_t)v->element), (uint64_t)v->version);
    hash = mix(mix(hash, (uint64_t)(uintptr_t)v->access.buffer), (uint64_t)v->access.offset.affine.constant);
    for (int i = 0; i < v->operands; i++) hash = mix(hash, (uint64_t)(uintptr_t)v->operand[i]);
    return hash;
}

static bool same_value(const Value *a, const Value *b) {
    if (a->stale || b->stale || a->kind != b->kind || a->operation != b->operation || a->type != b->type || a->vector != b->vector)
        return false;
    if (memcmp(&a->constant, &b->constant, sizeof a->constant) != 0) return false; /* bits: 0 is not −0 */
    if (a->element != b->element || a->version != b->version || a->access.buffer != b->access.buffer) return false;
    if (a->address && strcmp(a->address, b->address) != 0) return false;
    return memcmp(a->operand, b->operand, sizeof a->operand) == 0;
}

/* The node that equals `wanted`: one that is there, or a new one. */
static Value *intern(Run *run, const Value *wanted) {
    Value **bucket = &run->bucket[hash_value(wanted) % BUCKETS];
    for (Value *v = *bucket; v; v = v->chain)
        if (same_value(v, wanted)) return v;
    Value *value = NEW(Value);
    *value = *wanted;
    value->chain = *bucket;
    *bucket = value;
    for (int i = 0; i < value->operands; i++) value->operand[i]->uses++;
    if (value->kind == VALUE_LOAD) {
        note_address(run->emitter, &run->groups, &value->access);
        value->next_load = run->loads;
        run->loads = value;
    }
    return value;
}

static Value *scalar_constant(Run *run, double constant, Type type) {
    return intern(run, &(Value){.kind = VALUE_CONSTANT, .type = type, .constant = constant});
}

static Value *as_vector(Run *run, Value *value) {
    if (value->vector) return value;
    if (value->type == TYPE_F64) die("%s: a vector of doubles", run->emitter->kernel->name);
    return intern(run, &(Value){.kind = VALUE_BROADCAST, .type = value->type, .vector = true, .operands = 1, .operand = {value}});
}

static Value *operate(Run *run, ExpressionKind operation, Type type, int count, Value *const *operands) {
    Value wanted = {.kind = VALUE_OPERATION, .operation = operation, .type = type, .operands = count};
    for (int i = 0; i < count; i++) wanted.vector = wanted.vector || operands[i]->vector;
    for (int i = 0; i < count; i++) wanted.operand[i] = wanted.vector ? as_vector(run, operands[i]) : operands[i];
    return intern(run, &wanted);
}

static Value *load_value(Run *run, const Buffer *buffer, const Affine *index, const Variable *lane) {
    Access access = find_access(run->emitter, buffer, index, lane);
    Value wanted = {.type = value_type(buffer->type), .vector = access.lane != 0};
    wanted.element = find_element(run->emitter, &access);
    if (wanted.element) {
        wanted.kind = VALUE_ELEMENT;
        wanted.version = wanted.element->version;
        if (!wanted.element->declared && wanted.version == 0) declare_element(run->emitter, run->out, wanted.element);
    } else {
        wanted.kind = VALUE_LOAD;
        wanted.access = access;
        wanted.address = offset_text(run->emitter, &access.offset);
    }
    return intern(run, &wanted);
}

static Value *build(Run *run, const Expression *e, const Variable *lane);

/* The operation that adds a product: MULTIPLY_ADD for MULTIPLY, DOT_ADD for DOT; else none. */
static ExpressionKind adding(ExpressionKind product) {
    return product == EXPRESSION_MULTIPLY ? EXPRESSION_MULTIPLY_ADD : product == EXPRESSION_DOT ? EXPRESSION_DOT_ADD : EXPRESSION_CONSTANT;
}

static bool is_product(const Expression *e) {
    return adding(e->kind) != EXPRESSION_CONSTANT;
}

/* The value of `e`, for all lanes at once if it depends on the lane. A product that is added to is a multiply-add. */
static Value *build_whole(Run *run, const Expression *e, const Variable *lane) {
    if (e->kind == EXPRESSION_CONSTANT) return scalar_constant(run, e->constant, e->type);
    if (e->kind == EXPRESSION_LOAD) return load_value(run, e->buffer, e->index, lane);
    if (e->kind == EXPRESSION_SUM) die("%s: a sum is left after scheduling", run->emitter->kernel->name);
    int count = expression_operands(e->kind);
    Value *operand[4];
    if (e->kind == EXPRESSION_ADD) {
        int product = is_product(e->operand[0]) ? 0 : is_product(e->operand[1]) ? 1 : -1;
        if (product >= 0) {
            operand[0] = build(run, e->operand[product]->operand[0], lane);
            operand[1] = build(run, e->operand[product]->operand[1], lane);
            operand[2] = build(run, e->operand[1 - product], lane);
            return operate(run, adding(e->operand[product]->kind), e->type, 3, operand);
        }
    }
    for (int i = 0; i < count; i++) operand[i] = build(run, e->operand[i], lane);
    if (e->kind == EXPRESSION_DOT) {
        operand[2] = scalar_constant(run, 0, TYPE_F32);
        return operate(run, EXPRESSION_DOT_ADD, e->type, 3, operand);
    }
    return operate(run, e->kind, e->type, count, operand);
}

static Value *build(Run *run, const Expression *e, const Variable *lane) {
    const long *found = pointer_map_find(&run->built, e);
    if (found) return (Value *)(intptr_t)*found;
    Value *value = build_whole(run, e, lane);
    *pointer_map_add(&run->built, e, NULL) = (long)(intptr_t)value;
    return value;
}

static bool is_sum_of_products(const Expression *e) {
    if (is_product(e)) return true;
    return e->kind == EXPRESSION_ADD && is_sum_of_products(e->operand[0]) && is_sum_of_products(e->operand[1]);
}

/* sum + e: products are added one after another, each by a multiply-add. */
static Value *build_onto(Run *run, Value *sum, const Expression *e, const Variable *lane) {
    if (!is_sum_of_products(e)) return operate(run, EXPRESSION_ADD, e->type, 2, (Value *[]){sum, build(run, e, lane)});
    if (e->kind == EXPRESSION_ADD) return build_onto(run, build_onto(run, sum, e->operand[0], lane), e->operand[1], lane);
    Value *a = build(run, e->operand[0], lane), *b = build(run, e->operand[1], lane);
    return operate(run, adding(e->kind), e->type, 3, (Value *[]){a, b, sum});
}

/* ---- stores ---- */

static bool may_overlap(const Access *a, const Access *b, int lanes) {
    if (a->buffer != b->buffer) {
        if (a->buffer->space != SPACE_SCRATCH || b->buffer->space != SPACE_SCRATCH) return false;
        long size_a = a->buffer->layout.size * type_size(a->buffer->type);
        long size_b = b->buffer->layout.size * type_size(b->buffer->type);
        return a->buffer->offset < b->buffer->offset + size_b && b->buffer->offset < a->buffer->offset + size_a;
    }
    if (a->offset.count || b->offset.count) return true;
    Affine difference = affine_add(a->offset.affine, affine_scale(b->offset.affine, -1));
    for (int i = 0; i < difference.count; i++)
        if (difference.term[i].variable->extent > 1) return true;
    return difference.constant < (b->lane ? lanes : 1) && -difference.constant < (a->lane ? lanes : 1);
}

static void make_stale(Run *run, const Access *stored) {
    for (Value **load = &run->loads; *load;) {
        if (may_overlap(&(*load)->access, stored, run->emitter->target->lanes)) {
            (*load)->stale = true;
            *load = (*load)->next_load;
        } else load = &(*load)->next_load;
    }
}

/* Does `value` still have to read overwritten memory? `seen`: values that were visited. */
static bool reads_stale(const Value *value, PointerMap *seen) {
    bool added;
    pointer_map_add(seen, value, &added);
    if (!added) return false;
    if (value->kind == VALUE_LOAD) return value->stale;
    if (value->kind == VALUE_ELEMENT) return value->version != value->element->version;
    for (int i = 0; i < value->operands; i++)
        if (reads_stale(value->operand[i], seen)) return true;
    return false;
}

static Action *append_action(Run *run, Value *value) {
    Action *action = NEW(Action);
    action->value = value;
    value->uses++;
    *run->end = action;
    run->end = &action->next;
    return action;
}

static void add_assignment(Run *run, const Statement *statement, const Variable *lane) {
    Value *value[MAX_STORES];
    Action *declared[MAX_STORES] = {NULL};
    pointer_map_clear(&run->built);
    for (int i = 0; i < statement->store_count; i++) {
        const Store *store = &statement->store[i];
        if (store->accumulate) value[i] = build_onto(run, load_value(run, store->buffer, store->index, lane), store->value, lane);
        else value[i] = build(run, store->value, lane);
        if (i > 0) declared[i] = append_action(run, value[i]), value[i]->uses--;
    }
    for (int i = 0; i < statement->store_count; i++) {
        const Store *store = &statement->store[i];
        Access access = find_access(run->emitter, store->buffer, store->index, lane);
        if (lane && lane->extent > 1 && !access.lane)
            die("%s: all lanes store to one element of %s", run->emitter->kernel->name, store->buffer->name);
        if (access.lane) value[i] = as_vector(run, value[i]);
        if (declared[i]) {
            declared[i]->value = value[i];
            if (value[i]->kind != VALUE_CONSTANT && reads_stale(value[i], &(PointerMap){0})) value[i]->named = true;
        }
        Element *element = find_element(run->emitter, &access);
        if (element && element->reads == 0) continue;
        Action *action = append_action(run, value[i]);
        action->access = access;
        action->element = element;
        action->to_memory = !element;
        action->nontemporal = store->nontemporal;
        if (element) {
            element->version++;
            continue;
        }
        make_stale(run, &access);
        note_address(run->emitter, &run->groups, &action->access);
    }
}

/* ---- printing ---- */

static Form form_of(const Emitter *emitter, const Value *value) {
    const TargetPrinting *printing = emitter->printing;
    const Form *forms = value->vector ? printing->on_vector : value->type == TYPE_F64 ? printing->on_double : printing->on_float;
    Form form = forms[value->operation];
    if (!form && value->operation != EXPRESSION_MULTIPLY_ADD)
        die("%s: target %s cannot do %s", emitter->kernel->name, emitter->target->name, expression_name(value->operation));
    return form;
}

static const char *const stems[EXPRESSION_KINDS] = {
    [EXPRESSION_ADD] = "sum",
    [EXPRESSION_SUBTRACT] = "difference",
    [EXPRESSION_MULTIPLY] = "product",
    [EXPRESSION_DIVIDE] = "quotient",
    [EXPRESSION_MAXIMUM] = "larger",
    [EXPRESSION_MINIMUM] = "smaller",
    [EXPRESSION_MULTIPLY_ADD] = "sum",
    [EXPRESSION_SQUARE_ROOT] = "root",
    [EXPRESSION_ABSOLUTE] = "size",
    [EXPRESSION_NEGATE] = "negative",
    [EXPRESSION_SELECT_GREATER] = "chosen",
    [EXPRESSION_ROUND] = "rounded",
    [EXPRESSION_POWER_OF_TWO] = "power",
    [EXPRESSION_EXPONENT] = "exponent",
    [EXPRESSION_MANTISSA] = "mantissa",
    [EXPRESSION_WIDEN] = "wide",
    [EXPRESSION_NARROW] = "narrow",
    [EXPRESSION_PAIR] = "pair",
    [EXPRESSION_DOT_ADD] = "sum",
};

static const char *stem_of(const Emitter *emitter, const Value *value) {
    if (value->kind == VALUE_BROADCAST) value = value->operand[0];
    if (value->kind == VALUE_LOAD) return buffer_stem(emitter, value->access.buffer);
    if (value->kind == VALUE_ELEMENT) return buffer_stem(emitter, value->element->buffer);
    return value->kind == VALUE_OPERATION ? stems[value->operation] : "constant";
}

static bool is_constant(const Value *value) {
    return value->kind == VALUE_CONSTANT || (value->kind == VALUE_BROADCAST && value->operand[0]->kind == VALUE_CONSTANT);
}

/* About how many characters the value takes; where that is too many for a line, its longest operands get names. */
static int limit_width(const Emitter *emitter, Value *value) {
    if (value->name) return NAME_WIDTH;
    if (value->measured) return value->named ? NAME_WIDTH : value->width;
    if (value->uses > 1 && !is_constant(value) && value->kind != VALUE_ELEMENT) value->named = true;
    int width[4], total = value->kind == VALUE_OPERATION || value->kind == VALUE_BROADCAST ? 18 : NAME_WIDTH;
    if (value->address) total += address_width(emitter, &value->access) + (value->vector ? 18 : 0);
    for (int i = 0; i < value->operands; i++) total += width[i] = limit_width(emitter, value->operand[i]);
    while (total > MAX_WIDTH) {
        int widest = -1;
        for (int i = 0; i < value->operands; i++)
            if (width[i] > NAME_WIDTH && !is_constant(value->operand[i]) && (widest < 0 || width[i] > width[widest])) widest = i;
        if (widest < 0) break;
        value->operand[widest]->named = true;
        total -= width[widest] - NAME_WIDTH;
        width[widest] = NAME_WIDTH;
    }
    value->measured = true;
    value->width = total;
    return value->named ? NAME_WIDTH : total;
}

static const CExpression *render(Run *run, CBlock *out, Value *value);

static const CExpression *render_operation(Run *run, const Value *value, const CExpression *const *operand) {
    Emitter *emitter = run->emitter;
    Form form = form_of(emitter, value);
    if (!form) return c_binary("+", c_binary("*", operand[0], operand[1]), operand[2]);
    use_helper(emitter->helpers, emitter->target, form);
    return c_operation(form, value->operands, operand);
}

/* The load of a vector takes the address of its first element. Elements smaller than a value are converted. */
static const CExpression *render_load(const Emitter *emitter, const Value *value, const CExpression *element) {
    const Type type = value->access.buffer->type;
    Form form = !value->vector         ? narrow_forms[type].scalar
                : type_is_narrow(type) ? narrow_forms[type].vector
                                       : vector_forms(emitter, type)->load;
    if (!form) return element;
    if (value->vector) element = c_prefix("&", element);
    use_helper(emitter->helpers, emitter->target, form);
    return c_operation(form, 1, &element);
}

static const CExpression *render_whole(Run *run, CBlock *out, Value *value) {
    Emitter *emitter = run->emitter;
    const VectorForms *forms = vector_forms(emitter, value->type);
    const CExpression *operand[4];
    for (int i = 0; i < value->operands; i++) operand[i] = render(run, out, value->operand[i]);
    switch (value->kind) {
    case VALUE_CONSTANT:
        return c_constant(value->type, value->constant);
    case VALUE_ELEMENT:
        return c_atom("%s", value->element->name);
    case VALUE_LOAD:
        return render_load(emitter, value, c_element(emitter, out, &value->access));
    case VALUE_BROADCAST:
        use_helper(emitter->helpers, emitter->target, forms->broadcast);
        if (memcmp(&value->operand[0]->constant, &(double){0}, sizeof(double)) == 0 && is_constant(value)) return c_atom("%s", forms->zero);
        return c_call(forms->broadcast, 1, operand);
    case VALUE_OPERATION:
        return render_operation(run, value, operand);
    }
    die("a value of kind %d", (int)value->kind);
}

static const CExpression *render(Run *run, CBlock *out, Value *value) {
    if (!value->named) return render_whole(run, out, value);
    if (!value->name) {
        const CExpression *whole = render_whole(run, out, value);
        value->name = numbered_name(run->emitter, stem_of(run->emitter, value));
        c_declare(out, format("const %s ", type_name(run->emitter, value->type, value->vector)), value->name, whole);
    }
    return c_atom("%s", value->name);
}

static void print_store(Run *run, CBlock *out, const Action *action) {
    Emitter *emitter = run->emitter;
    const CExpression *value = render(run, out, action->value);
    Element *element = action->element;
    if (element && !element->declared) {
        c_declare(out, format("%s ", type_name(emitter, element->buffer->type, element->vector)), element->name, value);
        element->declared = true;
    } else if (element) {
        c_assign(out, c_atom("%s", element->name), value);
    } else if (action->access.lane) {
        const Form usual = vector_forms(emitter, action->value->type)->store;
        const Form store = action->nontemporal ? emitter->printing->nontemporal : usual;
        emitter->nontemporal = emitter->nontemporal || action->nontemporal;
        use_helper(emitter->helpers, emitter->target, store);
        const CExpression *address = c_prefix("&", c_element(emitter, out, &action->access));
        c_evaluate(out, c_call(store, 2, (const CExpression *[]){address, value}));
    } else c_assign(out, c_element(emitter, out, &action->access), value);
}

void emit_run(Emitter *emitter, CBlock *out, const Statement *first, const Statement *end) {
    Run *run = NEW(Run);
    run->emitter = emitter;
    run->out = out;
    run->end = &run->first;
    for (const Statement *s = first; s != end; s = s->next) {
        if (s->kind == STATEMENT_ASSIGN) add_assignment(run, s, NULL);
        else
            for (const Statement *inside = s->body; inside; inside = inside->next) add_assignment(run, inside, s->variable);
    }
    for (const Action *action = run->first; action; action = action->next) {
        bool stores = action->element || action->to_memory;
        if (!stores && !action->value->named) continue;
        limit_width(emitter, action->value);
        if (stores) print_store(run, out, action);
        else render(run, out, action->value);
    }
}
