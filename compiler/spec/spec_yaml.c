/* spec_yaml.c: the spec's text as a tree, in which each node knows its place. libyaml reads; what a spec has no use for
 * (aliases, anchors, tags, several documents, deep nesting) is refused here, so nothing can grow beyond the text itself. */
#include "spec/spec_internal.h"

#include <string.h>
#include <yaml.h>

typedef struct Reader {
    SpecErrors *errors;
    yaml_parser_t parser;
    bool failed; /* nothing more can be read */
} Reader;

static Mark to_mark(yaml_mark_t mark) {
    return (Mark){(int)mark.line + 1, (int)mark.column + 1};
}

static int width_of(const yaml_event_t *event) {
    if (event->start_mark.line != event->end_mark.line || event->end_mark.column <= event->start_mark.column) return 1;
    return (int)(event->end_mark.column - event->start_mark.column);
}

/* libyaml's words, and what usually causes them. */
static const struct {
    const char *problem, *remedy;
} causes[] = {
    {"found character that cannot start any token",
     "is it a tab? YAML indents with spaces; text that starts with @, ` or % must be quoted"},
    {"found a tab character that violates indentation", "YAML indents with spaces, not with tabs"},
    {"did not find expected key", "check the indentation, and the brackets and quotes above it"},
    {"did not find expected '-' indicator", "items of one list start in the same column"},
    {"did not find expected ',' or '}'", "a comma is missing, or the closing }"},
    {"did not find expected ',' or ']'", "a comma is missing, or the closing ]"},
    {"mapping values are not allowed in this context", "check the indentation: one `key: value` a line, or {key: value, key: value}"},
    {"could not find expected ':'", "a key is followed by a colon and a space"},
    {"found unexpected end of stream", "a quote is not closed"},
    {"did not find expected node content", "a value is missing: is a comma too many, or a bracket not closed?"},
};
#define OTHER_CAUSE "check the commas, brackets, quotes and the indentation, here and just above"

static void syntax_error(Reader *reader) {
    const yaml_parser_t *parser = &reader->parser;
    reader->failed = true;
    if (parser->error == YAML_MEMORY_ERROR || !parser->problem) {
        spec_error(reader->errors, (Mark){0, 0}, 1, NULL, "out of memory");
        return;
    }
    const char *remedy = OTHER_CAUSE;
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
        if (!strcmp(causes[i].problem, parser->problem)) remedy = causes[i].remedy;
    Mark mark = parser->error == YAML_READER_ERROR ? to_mark(parser->mark) : to_mark(parser->problem_mark);
    if (parser->context && parser->context_mark.line + 1 != (size_t)mark.line)
        spec_error(reader->errors, mark, 1, remedy, "not YAML: %s (%s that starts at line %d, column %d)", parser->problem, parser->context,
                   (int)parser->context_mark.line + 1, (int)parser->context_mark.column + 1);
    else if (parser->context) spec_error(reader->errors, mark, 1, remedy, "not YAML: %s (%s)", parser->problem, parser->context);
    else spec_error(reader->errors, mark, 1, remedy, "not YAML: %s", parser->problem);
}

static bool next_event(Reader *reader, yaml_event_t *event) {
    if (reader->failed) return false;
    if (yaml_parser_parse(&reader->parser, event)) return true;
    syntax_error(reader);
    return false;
}

static void refuse_decoration(Reader *reader, const yaml_event_t *event, const yaml_char_t *anchor, const yaml_char_t *tag) {
    Mark mark = to_mark(event->start_mark);
    if (anchor)
        spec_error(reader->errors, mark, 1, "write the value out where it is needed", "anchor '&%s': a %s has no anchors and aliases",
                   shown((const char *)anchor), reader->errors->what);
    if (tag)
        spec_error(reader->errors, mark, 1, "remove it: the key says what type its value has", "tag '%s': a %s has no tags",
                   shown((const char *)tag), reader->errors->what);
}

static SpecNode *read_node(Reader *reader, const yaml_event_t *event, int depth);

static void read_children(Reader *reader, SpecNode *node, yaml_event_type_t end, int depth) {
    SpecNode **last = &node->first;
    for (;;) {
        SpecNode *key = NULL;
        yaml_event_t event;
        if (!next_event(reader, &event)) return;
        if (event.type == end) {
            yaml_event_delete(&event);
            return;
        }
        SpecNode *child = read_node(reader, &event, depth + 1);
        yaml_event_delete(&event);
        if (node->kind == NODE_MAP) {
            key = child;
            if (!next_event(reader, &event)) return;
            child = read_node(reader, &event, depth + 1);
            yaml_event_delete(&event);
        }
        if (reader->failed) return;
        child->key = key;
        *last = child;
        last = &child->next;
        node->count++;
    }
}

/* Never NULL; after a failure the tree is not used. */
static SpecNode *read_node(Reader *reader, const yaml_event_t *event, int depth) {
    SpecNode *node = NEW(SpecNode);
    node->mark = to_mark(event->start_mark);
    node->width = width_of(event);
    node->text = "";
    if (depth > SPEC_DEPTH) {
        spec_error(reader->errors, node->mark, 1, format("a %s needs no more than 7 levels", reader->errors->what),
                   "nested deeper than %d levels", SPEC_DEPTH);
        reader->failed = true;
        return node;
    }
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        node->kind = NODE_REFUSED;
        spec_error(reader->errors, node->mark, node->width, "write the value out where it is needed",
                   "alias '*%s': a %s has no anchors and aliases", shown((const char *)event->data.alias.anchor), reader->errors->what);
        break;
    case YAML_SCALAR_EVENT:
        refuse_decoration(reader, event, event->data.scalar.anchor, event->data.scalar.tag);
        node->text = format("%s", (const char *)event->data.scalar.value);
        node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        if (strlen(node->text) != event->data.scalar.length)
            spec_error(reader->errors, node->mark, node->width, "remove it", "NUL character in a text");
        break;
    case YAML_SEQUENCE_START_EVENT:
        refuse_decoration(reader, event, event->data.sequence_start.anchor, event->data.sequence_start.tag);
        node->kind = NODE_LIST;
        read_children(reader, node, YAML_SEQUENCE_END_EVENT, depth);
        break;
    case YAML_MAPPING_START_EVENT:
        refuse_decoration(reader, event, event->data.mapping_start.anchor, event->data.mapping_start.tag);
        node->kind = NODE_MAP;
        read_children(reader, node, YAML_MAPPING_END_EVENT, depth);
        break;
    default:
        die("libyaml gave event %d inside a document", (int)event->type);
    }
    return node;
}

/* stream start, (document start, a node, document end)*, stream end */
static SpecNode *read_stream(Reader *reader, bool several) {
    SpecNode *root = NULL, **last = &root;
    yaml_event_t event;
    for (bool done = false; !done && next_event(reader, &event);) {
        yaml_event_type_t type = event.type;
        if (type == YAML_STREAM_END_EVENT) done = true;
        else if (type == YAML_DOCUMENT_START_EVENT && root && !several) {
            spec_error(reader->errors, to_mark(event.start_mark), width_of(&event), "put each spec into a file of its own",
                       "a second document: a file holds one spec");
            done = reader->failed = true;
        } else if (type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_START_EVENT && type != YAML_DOCUMENT_END_EVENT) {
            *last = read_node(reader, &event, 1);
            last = &(*last)->next;
        }
        yaml_event_delete(&event);
    }
    return root;
}

SpecNode *read_yaml(SpecErrors *errors, bool several) {
    Reader reader = {.errors = errors};
    if (!yaml_parser_initialize(&reader.parser)) {
        spec_error(errors, (Mark){0, 0}, 1, NULL, "out of memory");
        return NULL;
    }
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)errors->bytes, errors->length);
    int before = errors->count;
    SpecNode *root = read_stream(&reader, several);
    yaml_parser_delete(&reader.parser);
    if (!root && errors->count == before)
        spec_error(errors, (Mark){1, 1}, 1,
                   several ? "`zoetrope tune` writes a whole one" : "docs/spec.md shows a whole spec to start from", "the %s is empty",
                   errors->what);
    return reader.failed ? NULL : root;
}
