#include "emit/c_tree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_LENGTH = 140, INDENT = 4 };

/* ---- expressions ---- */

static const CExpression *new_expression(CExpressionKind kind, const char *text, int count, const CExpression *const *operands) {
    CExpression *e = NEW(CExpression);
    e->kind = kind;
    e->text = text;
    e->count = count;
    e->operand = NEW_ARRAY(const CExpression *, count);
    for (int i = 0; i < count; i++) e->operand[i] = operands[i];
    return e;
}

const CExpression *c_atom(const char *pattern, ...) {
    va_list arguments;
    va_start(arguments, pattern);
    const char *text = format_list(pattern, arguments);
    va_end(arguments);
    return new_expression(C_ATOM, text, 0, NULL);
}

/* The fewest digits that read back as the value, with a point or an exponent, so that it is not an integer constant. */
static const char *shortest(double value, bool single) {
    char *text = NULL;
    for (int digits = 1; digits <= 17; digits++) {
        text = format("%.*g", digits, value);
        if (single ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value) break;
    }
    return strpbrk(text, ".e") ? text : format("%s.0", text);
}

static const CExpression *literal(double value, bool single) {
    const char *suffix = single ? "f" : "";
    if (isnan(value)) return c_atom("%sNAN", single ? "" : "(double)");
    if (isinf(value)) return c_atom("%s%sINFINITY", value < 0 ? "-" : "", single ? "" : "(double)");
    return c_atom("%s%s", shortest(value, single), suffix);
}

const CExpression *c_float(double value) {
    return literal((double)(float)value, true);
}

const CExpression *c_double(double value) {
    return literal(value, false);
}

const CExpression *c_call(const char *function, int count, const CExpression *const *arguments) {
    return new_expression(C_CALL, function, count, arguments);
}

const CExpression *c_binary(const char *operator, const CExpression * a, const CExpression *b) {
    return new_expression(C_BINARY, operator, 2, (const CExpression *[]){a, b});
}

const CExpression *c_prefix(const char *operator, const CExpression * a) {
    return new_expression(C_PREFIX, operator, 1, (const CExpression *[]){a});
}

const CExpression *c_cast(const char *type, const CExpression *a) {
    return new_expression(C_CAST, type, 1, (const CExpression *[]){a});
}

const CExpression *c_index(const CExpression *array, const CExpression *index) {
    return new_expression(C_INDEX, "", 2, (const CExpression *[]){array, index});
}

/* How tightly operators bind; calls, names and indices bind tightest. */
static const struct {
    const char *operator;
    int binds;
} binding[] = {{"*", 5}, {"/", 5}, {"%", 5}, {"+", 4}, {"-", 4}, {"<", 3}, {"<=", 3}, {"&&", 2}};
enum { BINDS_PREFIX = 6, BINDS_POSTFIX = 7 };

static int binds(const CExpression *e) {
    if (e->kind == C_PREFIX || e->kind == C_CAST) return BINDS_PREFIX;
    if (e->kind == C_ATOM) return e->text[0] == '-' ? BINDS_PREFIX : BINDS_POSTFIX;
    if (e->kind != C_BINARY) return BINDS_POSTFIX;
    for (size_t i = 0; i < sizeof binding / sizeof *binding; i++)
        if (strcmp(binding[i].operator, e->text) == 0) return binding[i].binds;
    die("no binary operator '%s'", e->text);
}

static void operand_text(Text *out, const CExpression *e, int at_least) {
    bool parentheses = binds(e) < at_least;
    if (parentheses) text_add(out, "(");
    c_expression_text(out, e);
    if (parentheses) text_add(out, ")");
}

void c_expression_text(Text *out, const CExpression *e) {
    switch (e->kind) {
    case C_ATOM:
        text_add(out, "%s", e->text);
        break;
    case C_CALL:
        text_add(out, "%s(", e->text);
        for (int i = 0; i < e->count; i++) {
            if (i) text_add(out, ", ");
            c_expression_text(out, e->operand[i]);
        }
        text_add(out, ")");
        break;
    case C_BINARY: /* a right operand of the same precedence keeps its parentheses: float sums are not associative */
        operand_text(out, e->operand[0], binds(e));
        text_add(out, " %s ", e->text);
        operand_text(out, e->operand[1], binds(e) + 1);
        break;
    case C_PREFIX:
        text_add(out, "%s", e->text);
        operand_text(out, e->operand[0], BINDS_POSTFIX);
        break;
    case C_CAST:
        text_add(out, "(%s)", e->text);
        operand_text(out, e->operand[0], BINDS_POSTFIX);
        break;
    case C_INDEX:
        operand_text(out, e->operand[0], BINDS_POSTFIX);
        text_add(out, "[");
        c_expression_text(out, e->operand[1]);
        text_add(out, "]");
        break;
    }
}

const char *c_numbers(const long *numbers, int count) {
    Text text = text_begin();
    for (int i = 0; i < count; i++) text_add(&text, "%s%ld", i ? ", " : "", numbers[i]);
    return text.bytes;
}

/* ---- statements ---- */

CBlock *c_block(void) {
    return NEW(CBlock);
}

static CStatement *append(CBlock *block, CStatementKind kind, const char *text) {
    CStatement *statement = NEW(CStatement);
    statement->kind = kind;
    statement->text = text;
    if (block->last) block->last->next = statement;
    else block->first = statement;
    block->last = statement;
    return statement;
}

static void append_assignment(CBlock *block, const char *type, const CExpression *target, const CExpression *value) {
    Text line = {0};
    text_add(&line, "%s", type);
    c_expression_text(&line, target);
    if (value) {
        text_add(&line, " = ");
        c_expression_text(&line, value);
    }
    text_add(&line, ";");
    append(block, C_LINE, line.bytes);
}

void c_declare(CBlock *block, const char *type, const char *name, const CExpression *value) {
    append_assignment(block, type, c_atom("%s", name), value);
}

void c_assign(CBlock *block, const CExpression *target, const CExpression *value) {
    append_assignment(block, "", target, value);
}

void c_evaluate(CBlock *block, const CExpression *e) {
    append_assignment(block, "", e, NULL);
}

void c_line(CBlock *block, const char *pattern, ...) {
    va_list arguments;
    va_start(arguments, pattern);
    append(block, C_LINE, format_list(pattern, arguments));
    va_end(arguments);
}

void c_comment(CBlock *block, const char *lines) {
    append(block, C_COMMENT, lines);
}

void c_directive(CBlock *block, const char *pattern, ...) {
    va_list arguments;
    va_start(arguments, pattern);
    append(block, C_DIRECTIVE, format_list(pattern, arguments));
    va_end(arguments);
}

void c_blank(CBlock *block) {
    append(block, C_BLANK, "");
}

void c_append(CBlock *block, const CBlock *after) {
    if (!after->first) return;
    if (block->last) block->last->next = after->first;
    else block->first = after->first;
    block->last = after->last;
}

CBlock *c_nested(CBlock *block, const char *tail, const char *head, ...) {
    va_list arguments;
    va_start(arguments, head);
    CStatement *statement = append(block, C_NESTED, format_list(head, arguments));
    va_end(arguments);
    statement->tail = tail;
    statement->body = c_block();
    return statement->body;
}

CBlock *c_for(CBlock *block, const char *name, long extent) {
    return c_nested(block, "", "for (ptrdiff_t %s = 0; %s < %ld; %s++)", name, name, extent, name);
}

/* ---- printing ---- */

/* How good a place a space is to break a line at: before or after this character. 0: never. */
static int break_quality(char before, char after) {
    if (before == ',') return 3;
    if (before == '=' || after == '+' || after == '-' || after == '&') return 2;
    return 1;
}

/* Where to break a line that is too long: at the last of the best spaces in its second half, outside of strings. If there is none, at the
 * first space after it; 0: nowhere. */
static size_t break_at(const char *line, size_t room) {
    size_t best = 0;
    int quality = 0;
    bool quoted = false;
    for (size_t i = 0; line[i] && (i <= room || !best); i++) {
        if (line[i] == '"' && (i == 0 || line[i - 1] != '\\')) quoted = !quoted;
        if (quoted || line[i] != ' ') continue;
        int here = break_quality(line[i - (i > 0)], line[i + 1]);
        if (here < quality && best > room / 2) continue;
        best = i;
        quality = here;
    }
    return best;
}

static void print_line(Text *out, const char *line, const char *end, int depth) {
    int indent = depth * INDENT;
    for (bool first = true;; first = false) {
        size_t room = (size_t)(LINE_LENGTH - indent), length = strlen(line);
        size_t split = length + strlen(end) > room ? break_at(line, room) : 0;
        if (split == 0) {
            text_add(out, "%*s%s%s\n", indent, "", line, end);
            return;
        }
        text_add(out, "%*s%.*s\n", indent, "", (int)split, line);
        line += split + 1;
        if (first) indent += INDENT;
    }
}

static void print_comment(Text *out, const char *lines, int depth) {
    text_add(out, "%*s/* ", depth * INDENT, "");
    for (const char *c = lines; *c; c++) {
        if (*c != '\n') text_add(out, "%c", *c);
        else if (c[1]) text_add(out, "\n%*s * ", depth * INDENT, "");
        /* A comment's own text must not end it. */
        if (c[0] == '*' && c[1] == '/') text_add(out, " ");
    }
    text_add(out, " */\n");
}

void c_print(Text *out, const CBlock *block, int depth) {
    for (const CStatement *s = block->first; s; s = s->next) switch (s->kind) {
        case C_LINE:
            print_line(out, s->text, "", depth);
            break;
        case C_COMMENT:
            print_comment(out, s->text, depth);
            break;
        case C_DIRECTIVE:
            text_add(out, "%s\n", s->text);
            break;
        case C_BLANK:
            text_add(out, "\n");
            break;
        case C_NESTED:
            print_line(out, s->text, " {", depth);
            c_print(out, s->body, depth + 1);
            text_add(out, "%*s}%s", depth * INDENT, "", s->tail);
            if (s->next && s->next->kind == C_NESTED && strcmp(s->next->text, "else") == 0) {
                s = s->next;
                text_add(out, " else {\n");
                c_print(out, s->body, depth + 1);
                text_add(out, "%*s}%s", depth * INDENT, "", s->tail);
            }
            text_add(out, "\n");
            break;
        }
}
