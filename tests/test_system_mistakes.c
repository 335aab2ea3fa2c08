/* Version 2 of the spec language: what is refused, and where its errors point. */
#include "system_mistakes.h"
#include "system_parsing.h"

Suite *system_mistakes_suite(void);

START_TEST(each_mistake_is_an_error_with_its_place) {
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        arena_enter();
        const Spec *spec = parse_changed(mistakes[i].from, mistakes[i].to);
        ck_assert_msg(spec == NULL, "accepted: %s", mistakes[i].to);
        ck_assert_msg(strstr(errors, mistakes[i].error) != NULL, "%s: no '%s' in\n%s", mistakes[i].to, mistakes[i].error, errors);
        ck_assert_msg(strstr(errors, "\n       = ") != NULL, "%s: no remedy in\n%s", mistakes[i].to, errors);
        arena_leave();
    }
}
END_TEST

/* The end of the value that starts at `at`, in a line of `whole`. */
static const char *value_end(const char *at) {
    int open = 0;
    for (bool quoted = false; *at && *at != '\n'; at++) {
        if (*at == '"') quoted = !quoted;
        if (quoted) continue;
        if (open == 0 && (*at == ',' || *at == '}' || *at == ']')) break;
        open += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
    }
    return at;
}

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Whether the table, or the kinds of layers, have it; else it is a name that the text gives. */
static bool is_key(const char *word, size_t length) {
    for (int i = 0; i < system_key_count; i++)
        if (strlen(system_keys[i].name) == length && !strncmp(system_keys[i].name, word, length)) return true;
    for (int i = 0; i < LAYER_KINDS; i++)
        if (strlen(layer_kind_names[i]) == length && !strncmp(layer_kind_names[i], word, length)) return true;
    return false;
}

START_TEST(no_key_takes_another_type_and_none_may_be_misspelt) {
    int values = 0;
    for (const char *colon = whole; (colon = strchr(colon, ':')) != NULL; colon++) {
        const char *key = colon;
        while (key > whole && is_word(key[-1])) key--;
        if (colon[1] != ' ' || key == colon) continue;
        arena_enter();
        const char *wrong = format("%.*s [{zz: [1]}]%s", (int)(colon + 1 - whole), whole, value_end(colon + 2));
        ck_assert_msg(parse(wrong, strlen(wrong)) == NULL, "accepted: %.40s", key);
        ck_assert_msg(strstr(errors, "x.yaml:") && strstr(errors, ": error: "), "%s", errors);
        const char *misspelt = format("%.*szz%s", (int)(colon - whole), whole, colon);
        if (is_key(key, (size_t)(colon - key))) ck_assert_msg(parse(misspelt, strlen(misspelt)) == NULL, "accepted misspelt: %.40s", key);
        const char *twice = format("%.*s%.*s, %s", (int)(key - whole), whole, (int)(value_end(colon + 2) - key), key, key);
        if (key > whole && (key[-1] == '{' || key[-1] == ' '))
            ck_assert_msg(parse(twice, strlen(twice)) == NULL, "accepted twice: %.40s", key);
        arena_leave();
        values++;
    }
    ck_assert_int_gt(values, 150);
    for (int i = 0; i < system_key_count; i++) {
        const Key *row = &system_keys[i];
        if (row->section == SECTION_INITIAL_WEIGHTS || !strcmp(row->name, "every") || !strcmp(row->name, "optimizer")) continue;
        ck_assert_msg(strstr(whole, format("%s:", row->name)) || strstr(whole, format("- %s:", row->name)), "no `%s` in the text",
                      row->name);
    }
}
END_TEST

START_TEST(no_network_has_the_name_of_an_attribute_of_nn_module_dict) {
    static const char *const names[] = {"T_destination", "forward", "half",  "float",     "values",
                                        "keys",          "type",    "train", "zero_grad", "register_state_dict_pre_hook",
                                        "named_buffers", "all",     "_net"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = changed(changed(base, "  judge:", format("  %s:", names[i])), "seen: judge(", format("seen: %s(", names[i]));
        ck_assert_ptr_null(parse(text, strlen(text)));
        ck_assert_msg(strstr(errors, format("x.yaml:18:3: error: no network can be called '%s'", names[i])), "%s", errors);
    }
    const char *text = base; /* C's keywords are legal */
    for (int i = 0; i < 4; i++) text = changed(text, "judge", "while");
    accepted(parse(text, strlen(text)));
}
END_TEST

/* Through names, half, frames, detach, join and reshape, it is known whether the last activation is sigmoid. */
START_TEST(cross_entropy_is_of_probabilities_or_of_logits) {
    static const struct {
        const char *kind, *value;
        bool legal;
    } rows[] = {
        {"bce", "p", true},
        {"bce", "half(join(p, p), 1)", true},
        {"bce", "detach(frames(p, 0, 1))", true},
        {"bce", "p.product", false},
        {"bce", "q", false},
        {"bce", "frames(q, 0, 1)", false},
        {"bce", "half(join(q, p), 2)", true},
        {"bce", "half(join(q, p), 1)", false},
        {"bce", "join(p, q)", false},
        {"bce", "pooled", true}, /* of a pool, nothing is known */
        {"bce", "unit(q)", true},
        {"bce", "x", true},
        {"bce_with_logits", "p", false},
        {"bce_with_logits", "p.product", true},
        {"bce_with_logits", "detach(frames(p, 0, 1))", false},
        {"bce_with_logits", "half(join(q, p), 2)", false},
        {"bce_with_logits", "half(join(q, p), 1)", true},
        {"bce_with_logits", "q", true},
        {"bce_with_logits", "pooled", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *text = format(
            "version: 2\nname: a\ninput: {T: 2, channels: 1, height: 4, width: 4}\nnetworks:\n"
            "  one:\n    - conv: {channels: 1, kernel: 1, activation: sigmoid, dropout: 0.5, tap: product}\n    - reshape: [1, 4, 4]\n"
            "  two: [{conv: {channels: 1, kernel: 1}}, {activation: tanh}]\n"
            "  three: [{conv: {channels: 1, kernel: 1}}, {activation: sigmoid}, {max_pool: {kernel: 2}}]\n"
            "values: {p: one(x), q: two(x), pooled: three(x)}\n"
            "losses: {a: [{mean: [p]}, {mean: [q]}, {mean: [pooled]}, {%s: [\"%s\", 1]}]}\n",
            rows[i].kind, rows[i].value);
        const bool legal = parse(text, strlen(text)) != NULL;
        ck_assert_msg(legal == rows[i].legal, "%s of %s: %s", rows[i].kind, rows[i].value, errors);
        ck_assert_msg(legal || strstr(errors, "whose last activation is"), "%s", errors);
    }
}
END_TEST

/* ---- hostile texts ---- */

static uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

/* Bytes of a spec replaced, removed or copied from elsewhere in it: refused or read, never a crash. */
START_TEST(damaged_texts_do_no_harm) {
    static const char alphabet[] = "{}[]():,.-\n \"x0159_aeh";
    uint32_t state = 7;
    int refused = 0;
    for (int round = 0; round < 4000; round++) {
        arena_enter();
        const char *from = round % 3 ? base : whole;
        char *text = format("%s", from);
        size_t length = strlen(text);
        for (uint32_t edits = 1 + next_random(&state) % 4; edits > 0; edits--) {
            const size_t at = next_random(&state) % length, other = next_random(&state) % length;
            const size_t size = 1 + next_random(&state) % 12, room = length - (at > other ? at : other);
            if (next_random(&state) % 2) text[at] = alphabet[next_random(&state) % (sizeof alphabet - 1)];
            else memmove(text + at, text + other, size < room ? size : room);
        }
        refused += parse(text, next_random(&state) % 8 ? length : next_random(&state) % length) == NULL;
        arena_leave();
    }
    ck_assert_int_gt(refused, 2000);
}
END_TEST

START_TEST(what_is_too_much_is_refused) {
    Text text = {0};
    text_add(
        &text,
        "version: 2\nname: a\ninput: {channels: 1, height: 8, width: 8}\nnetworks:\n  n: [{conv: {channels: 1, kernel: 1}}]\nvalues:\n  v: ");
    for (int i = 0; i < 100; i++) text_add(&text, "n(");
    text_add(&text, "x");
    for (int i = 0; i < 100; i++) text_add(&text, ")");
    text_add(&text, "\n");
    ck_assert_ptr_null(parse(text.bytes, text.length));
    ck_assert_msg(strstr(errors, "the expression is nested too deeply"), "%s", errors);
    text = (Text){0};
    text_add(
        &text,
        "version: 2\nname: a\ninput: {channels: 1, height: 8, width: 8}\nnetworks: {n: [{conv: {channels: 1, kernel: 1}}]}\nvalues:\n");
    for (int i = 0; i < 600; i++) text_add(&text, "  v%d: n(x)\n", i);
    ck_assert_ptr_null(parse(text.bytes, text.length));
    ck_assert_msg(strstr(errors, "`values` has more than 512 entries"), "%s", errors);
    text = (Text){0};
    text_add(
        &text,
        "version: 2\nname: a\ninput: {channels: 1, height: 8, width: 8}\nnetworks: {n: [{conv: {channels: 1, kernel: 1}}]}\nvalues:\n");
    for (int i = 0; i < 100; i++) {
        text_add(&text, "  v%d: add(x", i);
        for (int k = 0; k < 100; k++) text_add(&text, ", n(x)");
        text_add(&text, ")\n");
    }
    ck_assert_ptr_null(parse(text.bytes, text.length));
    ck_assert_msg(strstr(errors, "the expressions have more than 4096 parts"), "%s", errors);
}
END_TEST

Suite *system_mistakes_suite(void) {
    Suite *suite = suite_create("system_mistakes");
    TCase *refused = tcase_create("mistakes");
    tcase_add_test(refused, each_mistake_is_an_error_with_its_place);
    tcase_add_test(refused, no_key_takes_another_type_and_none_may_be_misspelt);
    tcase_add_test(refused, no_network_has_the_name_of_an_attribute_of_nn_module_dict);
    tcase_add_test(refused, cross_entropy_is_of_probabilities_or_of_logits);
    suite_add_tcase(suite, refused);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, damaged_texts_do_no_harm);
    tcase_add_test(hostile, what_is_too_much_is_refused);
    suite_add_tcase(suite, hostile);
    return suite;
}
