/* system_parsing.h: how the suites of version 2 read texts. */
#ifndef ZOETROPE_SYSTEM_PARSING_H
#define ZOETROPE_SYSTEM_PARSING_H

#include "../compiler/spec/spec_internal.h"
#include "system_texts.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* What the last parse() reported. */
static char *errors;

static const Spec *parse(const char *bytes, size_t length) {
    size_t size;
    free(errors);
    FILE *stream = open_memstream(&errors, &size);
    const Spec *spec = parse_spec("x.yaml", bytes, length, stream);
    fclose(stream);
    return spec;
}

/* The text with the first `from` replaced by `to`. */
static char *changed(const char *text, const char *from, const char *to) {
    const char *place = strstr(text, from);
    ck_assert_msg(place != NULL, "the text has no '%s'", from);
    return format("%.*s%s%s", (int)(place - text), text, to, place + strlen(from));
}

static const Spec *parse_changed(const char *from, const char *to) {
    const char *text = changed(base, from, to);
    return parse(text, strlen(text));
}

static const System *accepted(const Spec *spec) {
    ck_assert_msg(spec != NULL && spec->system != NULL, "refused:\n%s", errors);
    return spec->system;
}

#endif
