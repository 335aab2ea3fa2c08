#include "loop/print_loop.h"

#include "base/pointer_map.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SUMMARY_LENGTH = 160 };

/* ---- indices and expressions ---- */

void text_affine(Text *text, const Affine *affine) {
    for (int i = 0; i < affine->count; i++) {
        long coefficient = affine->term[i].coefficient;
        const char *sign = coefficient < 0 ? (i ? " - " : "-") : (i ? " + " : "");
        text_add(text, "%s", sign);
        if (labs(coefficient) != 1) text_add(text, "%ld", labs(coefficient));
        text_add(text, "%s", affine->term[i].variable->name);
    }
    if (!affine->count) text_add(text, "%ld", affine->constant);
    else if (affine->constant) text_add(text, " %c %ld", affine->constant < 0 ? '-' : '+', labs(affine->constant));
}

void text_access(Text *text, const Buffer *buffer, const Affine *index) {
    text_add(text, "%s[", buffer->name);
    for (int i = 0; i < buffer->rank; i++) {
        if (i) text_add(text, ", ");
        text_affine(text, &index[i]);
    }
    text_add(text, "]");
}

/* How an operation is written: infix ones by their sign and how tightly it binds, the others as a call. */
static const struct {
    const char *sign;
    int binding; /* an operand on the right of - and / must bind more tightly */
} infix[EXPRESSION_KINDS] = {
    [EXPRESSION_ADD] = {" + ", 1},
    [EXPRESSION_SUBTRACT] = {" - ", 1},
    [EXPRESSION_MULTIPLY] = {" * ", 2},
    [EXPRESSION_DIVIDE] = {" / ", 2},
};

typedef struct Printer {
    Text *text;
    PointerMap uses; /* node → number of places that use it; then −name once it has been printed */
    long names;
} Printer;

static void count_uses(Printer *printer, const Expression *e) {
    bool added;
    ++*pointer_map_add(&printer->uses, e, &added);
    if (!added) return;
    for (int i = 0; i < expression_operands(e->kind); i++) count_uses(printer, e->operand[i]);
}

static void print_constant(Text *text, const Expression *e) {
    char digits[40];
    bool exact = false;
    for (int precision = 6; precision <= 17 && !exact; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, e->constant);
        exact = e->type == TYPE_F32 ? strtof(digits, NULL) == (float)e->constant : strtod(digits, NULL) == e->constant;
        if (isnan(e->constant)) exact = true;
    }
    text_add(text, "%s", digits);
}

static void print_node(Printer *printer, const Expression *e, int binding);

static void print_call(Printer *printer, const Expression *e) {
    for (const char *c = expression_name(e->kind); *c; c++) text_add(printer->text, "%c", tolower((unsigned char)*c));
    text_add(printer->text, "(");
    for (int i = 0; i < expression_operands(e->kind); i++) {
        if (i) text_add(printer->text, ", ");
        print_node(printer, e->operand[i], 0);
    }
    text_add(printer->text, ")");
}

static void print_operation(Printer *printer, const Expression *e, int binding) {
    Text *text = printer->text;
    int own = infix[e->kind].binding;
    if (e->kind == EXPRESSION_SELECT_GREATER) {
        static const char *const between[4] = {"(", " > ", " ? ", " : "};
        for (int i = 0; i < 4; i++) {
            text_add(text, "%s", between[i]);
            print_node(printer, e->operand[i], i < 2 ? 1 : 0);
        }
        text_add(text, ")");
    } else if (own) {
        if (own < binding) text_add(text, "(");
        print_node(printer, e->operand[0], own);
        text_add(text, "%s", infix[e->kind].sign);
        print_node(printer, e->operand[1], own + 1);
        if (own < binding) text_add(text, ")");
    } else {
        print_call(printer, e);
    }
}

static void print_node(Printer *printer, const Expression *e, int binding) {
    Text *text = printer->text;
    if (e->kind == EXPRESSION_CONSTANT) print_constant(text, e);
    else if (e->kind == EXPRESSION_LOAD) text_access(text, e->buffer, e->index);
    else if (e->kind == EXPRESSION_SUM) text_add(text, "sum%d", e->sum);
    else {
        long *uses = pointer_map_find(&printer->uses, e);
        if (*uses == 1) {
            print_operation(printer, e, binding);
        } else if (*uses < 0) {
            text_add(text, "t%ld", -*uses);
        } else {
            *uses = -++printer->names;
            text_add(text, "(t%ld = ", printer->names);
            print_operation(printer, e, 0);
            text_add(text, ")");
        }
    }
}

void text_expression(Text *text, const Expression *e) {
    Printer printer = {.text = text};
    count_uses(&printer, e);
    print_node(&printer, e, 0);
}

void print_expression(FILE *out, const Expression *e) {
    Text text = {0};
    text_expression(&text, e);
    fputs(text.bytes, out);
}

void text_store(Text *text, const Store *store) {
    text_access(text, store->buffer, store->index);
    text_add(text, store->accumulate ? " += " : " = ");
    text_expression(text, store->value);
    if (store->nontemporal) text_add(text, "  (past the caches)");
}

/* ---- statements ---- */

static void text_guard(Text *text, const Statement *guard) {
    text_add(text, "if ");
    for (int i = 0; i < guard->condition_count; i++) {
        text_add(text, "%s0 <= ", i ? " and " : "");
        text_affine(text, &guard->condition[i].value);
        text_add(text, " < %ld", guard->condition[i].limit);
    }
}

static void text_prefetch(Text *text, const Statement *prefetch) {
    text_add(text, "prefetch %s at ", prefetch->buffer->name);
    for (int i = 0; i < prefetch->offset.count; i++) {
        const OffsetTerm *term = &prefetch->offset.term[i];
        text_add(text, "(");
        text_affine(text, &term->inner);
        text_add(text, ")");
        if (term->divisor > 1) text_add(text, " / %ld", term->divisor);
        if (term->modulus) text_add(text, " %% %ld", term->modulus);
        text_add(text, " * %ld + ", term->stride);
    }
    text_affine(text, &prefetch->offset.affine);
}

static void text_loop(Text *text, const Statement *loop) {
    const char *name = loop->variable->name;
    long extent = loop->variable->extent;
    switch (loop->loop) {
    case LOOP_SERIAL:
        text_add(text, "for %s in %ld", name, extent);
        break;
    case LOOP_PARALLEL:
        text_add(text, "for %s in %ld parallel", name, extent);
        break;
    case LOOP_UNROLL:
        text_add(text, "unroll %s %ld", name, extent);
        break;
    case LOOP_VECTOR:
        text_add(text, "vector %s %ld", name, extent);
        break;
    }
}

static const char call_words[] = "by a call of sgemm";

char *statement_summary(const Statement *statement) {
    Text text = {0};
    if (statement->kind == STATEMENT_LOOP) text_loop(&text, statement);
    if (statement->kind == STATEMENT_GUARD) text_guard(&text, statement);
    if (statement->kind == STATEMENT_PREFETCH) text_prefetch(&text, statement);
    if (statement->kind == STATEMENT_CALL) text_add(&text, "%s", call_words);
    for (int i = 0; statement->kind == STATEMENT_ASSIGN && i < statement->store_count; i++) {
        if (i) text_add(&text, "; ");
        text_store(&text, &statement->store[i]);
    }
    if (text.length <= SUMMARY_LENGTH) return format("%s", text.bytes ? text.bytes : "");
    return format("%.*s …", SUMMARY_LENGTH, text.bytes);
}

static void text_indent(Text *text, int depth) {
    text_add(text, "%*s", 2 * depth, "");
}

static void text_tree(Text *text, const Statement *statement, int depth) {
    for (; statement; statement = statement->next) {
        switch (statement->kind) {
        case STATEMENT_LOOP:
            text_indent(text, depth);
            text_loop(text, statement);
            text_add(text, "\n");
            text_tree(text, statement->body, depth + 1);
            break;
        case STATEMENT_GUARD:
            text_indent(text, depth);
            text_guard(text, statement);
            text_add(text, "\n");
            text_tree(text, statement->body, depth + 1);
            if (!statement->other) break;
            text_indent(text, depth);
            text_add(text, "else\n");
            text_tree(text, statement->other, depth + 1);
            break;
        case STATEMENT_ASSIGN:
            for (int i = 0; i < statement->store_count; i++) {
                text_indent(text, depth);
                text_store(text, &statement->store[i]);
                text_add(text, i + 1 < statement->store_count ? "; at once\n" : "\n");
            }
            break;
        case STATEMENT_PREFETCH:
            text_indent(text, depth);
            text_prefetch(text, statement);
            text_add(text, "\n");
            break;
        case STATEMENT_CALL:
            text_indent(text, depth);
            text_add(text, "%s\n", call_words);
            text_tree(text, statement->body, depth + 1);
            break;
        }
    }
}

/* ---- computes ---- */

static void text_variables(Text *text, const Compute *compute, bool reduced) {
    const char *separator = " ";
    for (int i = 0; i < compute->variable_count; i++) {
        if (compute->reduced[i] != reduced) continue;
        text_add(text, "%s%s %ld", separator, compute->variable[i]->name, compute->variable[i]->extent);
        separator = ", ";
    }
}

static void text_sum(Text *text, const Compute *compute, int sum) {
    text_add(text, compute->largest ? "largest" : "sum");
    text_variables(text, compute, true);
    text_add(text, ": ");
    text_expression(text, compute->sum[sum]);
}

/* A store that is nothing but a sum is written with the sum in its place. */
static void text_compute(Text *text, const Compute *compute) {
    text_indent(text, 1);
    text_add(text, "for");
    text_variables(text, compute, false);
    text_add(text, "\n");
    bool plain = compute->sum_count == 1 && compute->store_count == 1 && compute->store[0].value->kind == EXPRESSION_SUM;
    for (int i = 0; i < compute->sum_count && !plain; i++) {
        text_indent(text, 2);
        text_add(text, "sum%d = ", i);
        text_sum(text, compute, i);
        text_add(text, "\n");
    }
    for (int i = 0; i < compute->store_count; i++) {
        const Store *store = &compute->store[i];
        text_indent(text, 2);
        if (plain) {
            text_access(text, store->buffer, store->index);
            text_add(text, store->accumulate ? " += " : " = ");
            text_sum(text, compute, 0);
        } else {
            text_store(text, store);
        }
        text_add(text, "\n");
    }
}

/* ---- kernels ---- */

typedef struct Signature {        /* the buffers of a kernel, in order of first appearance */
    PointerMap position, visited; /* buffer → position + 1; expressions seen */
    int count, capacity;
    const Buffer **buffer;
    bool *written, *read;
} Signature;

static int signature_position(Signature *signature, const Buffer *buffer) {
    bool added;
    long *position = pointer_map_add(&signature->position, buffer, &added);
    if (!added) return (int)*position;
    if (signature->count == signature->capacity) {
        int capacity = signature->capacity ? 2 * signature->capacity : 16;
        Signature old = *signature;
        signature->buffer = NEW_ARRAY(const Buffer *, capacity);
        signature->written = NEW_ARRAY(bool, capacity);
        signature->read = NEW_ARRAY(bool, capacity);
        for (int i = 0; i < old.count; i++) {
            signature->buffer[i] = old.buffer[i];
            signature->written[i] = old.written[i];
            signature->read[i] = old.read[i];
        }
        signature->capacity = capacity;
    }
    signature->buffer[signature->count] = buffer;
    *position = signature->count;
    return signature->count++;
}

static void sign_expression(Signature *signature, const Expression *e) {
    bool added;
    pointer_map_add(&signature->visited, e, &added);
    if (!added) return;
    if (e->kind == EXPRESSION_LOAD) {
        int position = signature_position(signature, e->buffer);
        if (!signature->read[position] && e->buffer->space == SPACE_VIRTUAL) {
            sign_expression(signature, e->buffer->value);
            if (e->buffer->rest) sign_expression(signature, e->buffer->rest);
        }
        signature->read[position] = true;
    }
    for (int i = 0; i < expression_operands(e->kind); i++) sign_expression(signature, e->operand[i]);
}

static void sign_stores(Signature *signature, const Store *store, int count) {
    for (int i = 0; i < count; i++) {
        int position = signature_position(signature, store[i].buffer);
        signature->written[position] = true;
        if (store[i].accumulate) signature->read[position] = true;
        sign_expression(signature, store[i].value);
    }
}

static void sign_tree(Signature *signature, const Statement *statement) {
    for (; statement; statement = statement->next) {
        sign_stores(signature, statement->store, statement->kind == STATEMENT_ASSIGN ? statement->store_count : 0);
        sign_tree(signature, statement->body);
        sign_tree(signature, statement->other);
    }
}

static void text_shape(Text *text, const Buffer *buffer) {
    text_add(text, " [");
    for (int i = 0; i < buffer->rank; i++) text_add(text, "%s%ld", i ? ", " : "", buffer->shape[i]);
    text_add(text, "]%s%s", buffer->type == TYPE_F32 ? "" : " ", buffer->type == TYPE_F32 ? "" : type_names[buffer->type]);
}

/* The layout, where it is not row-major: each term as (index / divisor % modulus) * stride. */
static void text_layout(Text *text, const Buffer *buffer) {
    Layout plain = layout_row_major(buffer->rank, buffer->shape);
    bool same = plain.count == buffer->layout.count;
    for (int i = 0; same && i < plain.count; i++)
        same = plain.term[i].dimension == buffer->layout.term[i].dimension && plain.term[i].stride == buffer->layout.term[i].stride &&
               plain.term[i].divisor == buffer->layout.term[i].divisor && plain.term[i].modulus == buffer->layout.term[i].modulus;
    if (same) return;
    text_add(text, " at");
    for (int i = 0; i < buffer->layout.count; i++) {
        text_add(text, "%si%d", i ? " + " : " ", buffer->layout.term[i].dimension);
        if (buffer->layout.term[i].divisor > 1) text_add(text, "/%ld", buffer->layout.term[i].divisor);
        if (buffer->layout.term[i].modulus) text_add(text, "%%%ld", buffer->layout.term[i].modulus);
        if (buffer->layout.term[i].stride != 1) text_add(text, "*%ld", buffer->layout.term[i].stride);
    }
}

static void text_signature(Text *text, const Kernel *kernel, const Signature *signature) {
    text_add(text, "kernel %s(", kernel->name);
    if (kernel->time) text_add(text, "step %s %ld", kernel->time->name, kernel->time->extent);
    const char *separator = kernel->time ? ", " : "";
    for (int i = 0; i < signature->count; i++) {
        const Buffer *buffer = signature->buffer[i];
        if (buffer->space != SPACE_TENSOR) continue;
        text_add(text, "%s%s%s %s", separator, signature->read[i] ? "in" : "", signature->written[i] ? "out" : "", buffer->name);
        text_shape(text, buffer);
        text_layout(text, buffer);
        separator = ", ";
    }
    text_add(text, ")\n");
}

static void text_locals(Text *text, const Signature *signature) {
    for (int i = 0; i < signature->count; i++) {
        const Buffer *buffer = signature->buffer[i];
        if (buffer->space == SPACE_TENSOR) continue;
        text_indent(text, 1);
        if (buffer->space == SPACE_VIRTUAL) {
            text_add(text, "where %s[", buffer->name);
            for (int j = 0; j < buffer->rank; j++) text_add(text, "%s%s", j ? ", " : "", buffer->index[j]->name);
            text_add(text, "] = ");
            text_expression(text, buffer->value);
            if (buffer->rest) {
                text_add(text, "; from %s = %ld on ", buffer->index[buffer->rest_dimension]->name, buffer->rest_from);
                text_expression(text, buffer->rest);
            }
            if (buffer->outside != 0) text_add(text, ", %g outside", buffer->outside);
            else text_add(text, ", zero outside");
            text_shape(text, buffer);
        } else {
            text_add(text, "%s %s", buffer->space == SPACE_REGISTER ? "registers" : "scratch", buffer->name);
            text_shape(text, buffer);
            text_layout(text, buffer);
            if (buffer->space == SPACE_SCRATCH) text_add(text, ", byte %ld", buffer->offset);
        }
        text_add(text, "\n");
    }
}

void print_kernel(FILE *out, const Kernel *kernel) {
    Signature signature = {0};
    if (kernel->tree) sign_tree(&signature, kernel->tree);
    for (int i = 0; i < kernel->compute_count && !kernel->tree; i++) {
        const Compute *compute = &kernel->compute[i];
        for (int j = 0; j < compute->sum_count; j++) sign_expression(&signature, compute->sum[j]);
        sign_stores(&signature, compute->store, compute->store_count);
    }
    Text text = {0};
    text_signature(&text, kernel, &signature);
    text_locals(&text, &signature);
    if (kernel->tree) text_tree(&text, kernel->tree, 1);
    for (int i = 0; i < kernel->compute_count && !kernel->tree; i++) text_compute(&text, &kernel->compute[i]);
    fputs(text.bytes, out);
}
