/* system_expressions.c: the text of an expression as a tree: a name, name.layer, or name(argument, …). Errors point into the text. */
#include "spec/system_internal.h"

#include <ctype.h>
#include <string.h>

typedef struct Parser {
    SpecErrors *errors;
    const SpecNode *node;
    const char *at;
    bool exact; /* a character of the text is a character of the spec: no escapes, no line ends */
} Parser;

static Mark mark_at(const Parser *parser, const char *place) {
    Mark mark = parser->node->mark;
    if (parser->exact) mark.column += (int)(place - parser->node->text) + parser->node->quoted;
    return mark;
}

static int width_of(const Parser *parser, size_t length) {
    return parser->exact ? (int)maximum(1, (long)length) : parser->node->width;
}

static void skip_blanks(Parser *parser) {
    while (*parser->at == ' ' || *parser->at == '\t' || *parser->at == '\n') parser->at++;
}

static const Expression *fail(Parser *parser, const char *remedy, const char *message) {
    spec_error(parser->errors, mark_at(parser, parser->at), 1, remedy, "%s", message);
    return NULL;
}

static size_t word_length(const char *text) {
    if (isdigit((unsigned char)*text) || *text == '-' || *text == '+') return strspn(text, "0123456789.eExXabcdfABCDEFo+-_");
    size_t length = 0;
    while (isalnum((unsigned char)text[length]) || text[length] == '_') length++;
    return length;
}

static char *read_word(Parser *parser, size_t *length) {
    *length = word_length(parser->at);
    char *word = format("%.*s", (int)*length, parser->at);
    parser->at += *length;
    return word;
}

static Expression *read_expression(Parser *parser, int depth);

static bool read_arguments(Parser *parser, Expression *call, int depth) {
    Expression **last = &call->first;
    parser->at++;
    skip_blanks(parser);
    if (*parser->at == ')') return parser->at++, true;
    for (;;) {
        Expression *argument = read_expression(parser, depth + 1);
        if (!argument) return false;
        *last = argument;
        last = &argument->next;
        if (++call->count > SYSTEM_ENTRIES) return fail(parser, "remove some", format("more than %d arguments", SYSTEM_ENTRIES)), false;
        skip_blanks(parser);
        if (*parser->at == ')') return parser->at++, true;
        if (*parser->at != ',')
            return fail(parser, format("arguments of `%s` are separated by commas and end with )", shown(call->text)),
                        *parser->at ? format("'%c' is neither a comma nor )", *parser->at) : "a ) is missing"),
                   false;
        parser->at++;
    }
}

static Expression *read_number(Parser *parser, const char *start, Expression *expression) {
    const NumberKind kind = parse_number(expression->text, &expression->number);
    const char *plain = plain_number(expression->text);
    expression->kind = EXPRESSION_NUMBER;
    if ((kind == NUMBER_INTEGER || kind == NUMBER_REAL) && plain == NULL) return expression;
    parser->at = start;
    return fail(parser, plain != NULL ? format("write %s", plain) : "write a name, or a number such as 1 or 0.5",
                plain != NULL ? format("the number %s has leading zeros or underscores", shown(expression->text))
                              : format("'%s' is neither a name nor a number", shown(expression->text))),
           NULL;
}

/* Writes what stands here in the message, if it is not the end. */
static Expression *read_expression(Parser *parser, int depth) {
    if (depth > SYSTEM_NESTING) return fail(parser, "give parts of it names in `values`", "the expression is nested too deeply"), NULL;
    skip_blanks(parser);
    Expression *expression = NEW(Expression);
    const char *start = parser->at;
    size_t length;
    expression->mark = mark_at(parser, start);
    expression->text = read_word(parser, &length);
    expression->width = width_of(parser, length);
    if (!length)
        return fail(parser, "an expression is a name, a name.layer, or name(argument, …)",
                    *start ? format("an expression does not begin with '%c'", *start) : "an expression is missing here"),
               NULL;
    if (!isalpha((unsigned char)*start) && *start != '_') return read_number(parser, start, expression);
    const char *problem = identifier_problem(expression->text);
    if (problem) return parser->at = start, fail(parser, NULL, format("'%s' is no name: %s", shown(expression->text), problem)), NULL;
    if (*parser->at == '.') {
        const char *dot = ++parser->at;
        expression->kind = EXPRESSION_RESULT;
        expression->result_mark = mark_at(parser, dot);
        expression->result = read_word(parser, &length);
        if (!length || identifier_problem(expression->result))
            return parser->at = dot, fail(parser, "after the dot stands the name of a layer or tap", "a name is missing after the dot"),
                   NULL;
        return expression;
    }
    skip_blanks(parser);
    if (*parser->at == '(') {
        expression->kind = EXPRESSION_CALL;
        if (!read_arguments(parser, expression, depth)) return NULL;
        if (*parser->at == '.')
            return fail(parser, "give the call a name in `values`, and write name.layer", "a call is not followed by a dot"), NULL;
    }
    return expression;
}

static int open_parentheses(const char *text) {
    int open = 0;
    for (; *text; text++) open += (*text == '(') - (*text == ')');
    return open;
}

/* What YAML made of `f(a, b)` in [ ] or { }: `f(a` and `b)`, or the keys `f(a` and `b)` without values. */
bool is_cut(const SpecNode *node, const SpecNode **end) {
    int open = node->kind == NODE_SCALAR && !node->quoted ? open_parentheses(node->text) : 0;
    *end = node;
    if (open <= 0) return false;
    for (const SpecNode *next = node->next; next && open > 0; next = next->next) {
        const SpecNode *part = next->key ? next->key : next;
        if (part->kind != NODE_SCALAR || (next->key && (next->kind != NODE_SCALAR || next->text[0]))) return false;
        open += open_parentheses(part->text);
        *end = next;
    }
    return open == 0;
}

static void report_cut(SpecErrors *errors, const SpecNode *node, const SpecNode *end) {
    Text whole = {0};
    text_add(&whole, "%s", node->text);
    for (const SpecNode *next = node->next; next; next = next->next) {
        text_add(&whole, ", %s", next->key ? next->key->text : next->text);
        if (next == end) break;
    }
    spec_error(errors, node->mark, node->width, format("write \"%s\"", whole.length < 200 ? whole.bytes : "…"),
               "the expression was cut at its comma: within [ ] and { } an expression with commas is quoted");
}

const Expression *parse_expression(SpecErrors *errors, const SpecNode *node) {
    const SpecNode *end;
    if (node->kind == NODE_REFUSED) return NULL;
    if (node->kind != NODE_SCALAR || (!node->text[0] && !node->quoted)) {
        spec_error(errors, node->mark, node->width, "an expression is a name, a name.layer, or name(argument, …)",
                   "an expression is expected, not %s", given(node));
        return NULL;
    }
    if (is_cut(node, &end)) return report_cut(errors, node, end), NULL;
    Parser parser = {errors, node, node->text, node->width == (int)strlen(node->text) + 2 * node->quoted};
    const Expression *expression = read_expression(&parser, 0);
    skip_blanks(&parser);
    if (expression && *parser.at)
        return fail(&parser, "an expression is a name, a name.layer, or name(argument, …)",
                    format("'%c' after the end of the expression", *parser.at));
    return expression;
}
