/* emit_names.c: names in generated functions, and indices as C text. */
#include "emit/emitter.h"

#include <ctype.h>
#include <string.h>

/* ---- choosing names ---- */

static const char *const reserved[] = {
    "auto",         "break",          "case",     "char",     "const",  "continue", "default", "do",        "double",      "else",
    "enum",         "extern",         "float",    "for",      "goto",   "if",       "inline",  "int",       "long",        "register",
    "restrict",     "return",         "short",    "signed",   "sizeof", "static",   "struct",  "switch",    "typedef",     "typeof",
    "union",        "unsigned",       "void",     "volatile", "while",  "asm",      "bool",    "true",      "false",       "sqrt",
    "sqrtf",        "memcpy",         "INFINITY", "NAN",      "item",   "scratch",  "threads", "workspace", "vector_bits", "LANE",
    "vector_float", "vector_integer", "linux",    "unix",     NULL};

void reserve_names(Emitter *emitter) {
    for (int i = 0; reserved[i]; i++) name_set_add(&emitter->fixed, reserved[i]);
    for (const Helper *helper = common_helpers; helper->name; helper++) name_set_add(&emitter->fixed, helper->name);
    for (const Helper *helper = emitter->printing->helpers; helper->name; helper++) name_set_add(&emitter->fixed, helper->name);
}

/* Only what C allows in an identifier, and nothing that C keeps for itself. */
static const char *identifier(const char *wanted) {
    char *name = format("%s%s", isalpha((unsigned char)wanted[0]) ? "" : "v", wanted);
    for (char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c)) *c = '_';
    return name;
}

static bool is_taken(const Emitter *emitter, const char *name) {
    return name_set_has(&emitter->fixed, name) || name_set_has(&emitter->used, name);
}

const char *unique_name(Emitter *emitter, const char *wanted) {
    const char *stem = identifier(wanted), *name = stem;
    for (int i = 1; is_taken(emitter, name); i++) name = format("%s_%d", stem, i);
    name_set_add(&emitter->used, name);
    return name;
}

const char *numbered_name(Emitter *emitter, const char *stem) {
    stem = identifier(stem);
    /* Search upwards by doubling, so that a thousand temporaries of one stem do not cost a million look-ups. */
    int taken = -1, step = 1;
    while (is_taken(emitter, format("%s_%d", stem, taken + step))) taken += step, step *= 2;
    while (step > 1) {
        step /= 2;
        if (is_taken(emitter, format("%s_%d", stem, taken + step))) taken += step;
    }
    const char *name = format("%s_%d", stem, taken + 1);
    name_set_add(&emitter->used, name);
    return name;
}

/* Loops side by side may share a name; nested loops, and everything else, may not. The choice depends only on `fixed` and the enclosing
 * loops, so every walk over a tree makes the same one. */
void push_variable(Emitter *emitter, const Variable *variable) {
    if (emitter->depth == MAX_DEPTH) die("%s: loops more than %d deep", emitter->kernel->name, MAX_DEPTH);
    const char *stem = identifier(variable->name), *name = stem;
    for (int i = 1;; i++) {
        bool taken = name_set_has(&emitter->fixed, name);
        for (int d = 0; d < emitter->depth; d++) taken = taken || strcmp(emitter->variable_name[d], name) == 0;
        if (!taken) break;
        name = format("%s_%d", stem, i);
    }
    name_set_add(&emitter->used, name);
    emitter->variable[emitter->depth] = variable;
    emitter->first[emitter->depth] = 0;
    emitter->end[emitter->depth] = variable->extent;
    emitter->variable_name[emitter->depth++] = name;
}

void pop_variable(Emitter *emitter) {
    emitter->depth--;
}

static const char *variable_text(const Emitter *emitter, const Variable *variable) {
    for (int d = emitter->depth; d-- > 0;)
        if (emitter->variable[d] == variable) return emitter->variable_name[d];
    die("%s: variable %s is used outside of its loop", emitter->kernel->name, variable->name);
}

/* ---- indices ---- */

long only_value(const Emitter *emitter, const Variable *variable) {
    for (int d = emitter->depth; d-- > 0;)
        if (emitter->variable[d] == variable) return emitter->end[d] - emitter->first[d] == 1 ? emitter->first[d] : -1;
    return variable->extent == 1 ? 0 : -1;
}

Affine with_only_values(const Emitter *emitter, const Affine *affine) {
    Affine result = *affine;
    for (int i = 0; i < affine->count; i++) {
        const long value = only_value(emitter, affine->term[i].variable);
        if (value >= 0) result = affine_substitute(result, affine->term[i].variable, affine_constant(value));
    }
    return result;
}

/* large strides first, subtracted terms last */
const char *affine_text(const Emitter *emitter, const Affine *whole) {
    const Affine known = with_only_values(emitter, whole), *affine = &known;
    Text text = {0};
    bool *printed = NEW_ARRAY(bool, affine->count);
    bool constant_first = affine->constant > 0;
    for (int i = 0; i < affine->count; i++)
        if (affine->term[i].coefficient > 0) constant_first = false;
    if (constant_first) text_add(&text, "%ld", affine->constant);
    for (int n = 0; n < affine->count; n++) {
        int best = -1;
        for (int i = 0; i < affine->count; i++)
            if (!printed[i] && (best < 0 || affine->term[i].coefficient > affine->term[best].coefficient)) best = i;
        printed[best] = true;
        const Variable *variable = affine->term[best].variable;
        long coefficient = affine->term[best].coefficient;
        const char *sign = coefficient < 0 ? (text.length ? " - " : "-") : text.length ? " + " : "";
        long size = coefficient < 0 ? -coefficient : coefficient;
        if (size == 1) text_add(&text, "%s%s", sign, variable_text(emitter, variable));
        else text_add(&text, "%s%ld * %s", sign, size, variable_text(emitter, variable));
    }
    if (text.length == 0) return format("%ld", affine->constant);
    if (!constant_first && affine->constant > 0) text_add(&text, " + %ld", affine->constant);
    if (affine->constant < 0) text_add(&text, " - %ld", -affine->constant);
    return text.bytes;
}

const char *offset_text(const Emitter *emitter, const Offset *offset) {
    if (offset->count == 0) return affine_text(emitter, &offset->affine);
    Text text = {0};
    for (int i = 0; i < offset->count; i++) {
        const char *inner = affine_text(emitter, &offset->term[i].inner);
        bool simple = !strpbrk(inner, " -");
        text_add(&text, "%s%s%s%s", i ? " + " : "", simple ? "" : "(", inner, simple ? "" : ")");
        if (offset->term[i].divisor > 1) text_add(&text, " / %ld", offset->term[i].divisor);
        if (offset->term[i].modulus > 0) text_add(&text, " %% %ld", offset->term[i].modulus);
        if (offset->term[i].stride != 1) text_add(&text, " * %ld", offset->term[i].stride);
    }
    const char *affine = affine_text(emitter, &offset->affine);
    if (affine[0] == '-') text_add(&text, " - %s", affine + 1);
    else if (strcmp(affine, "0") != 0) text_add(&text, " + %s", affine);
    return text.bytes;
}

/* The offset without the lane's part. A vector's elements must lie side by side, or be one and the same. */
Access find_access(const Emitter *emitter, const Buffer *buffer, const Affine *index, const Variable *lane) {
    Access access = {.buffer = buffer, .offset = buffer_offset(buffer, index)};
    if (!lane || lane->extent == 1) return access;
    access.lane = affine_coefficient(&access.offset.affine, lane);
    access.offset.affine = affine_substitute(access.offset.affine, lane, affine_constant(0));
    bool splits = false;
    for (int i = 0; i < access.offset.count; i++) splits = splits || affine_coefficient(&access.offset.term[i].inner, lane) != 0;
    if (splits || access.lane < 0 || access.lane > 1)
        die("%s: a vector loop accesses %s with stride %ld", emitter->kernel->name, buffer->name, splits ? -1 : access.lane);
    return access;
}
