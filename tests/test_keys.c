/* test_keys.c: the table of the spec's keys works with any number of rows. */
#include "../compiler/spec/spec_internal.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *keys_suite(void);

/* A spec with these lines is refused, and the errors contain the text. */
static void expect_error(const char *lines, const char *text) {
    const char *bytes = format("version: 1\n"
                               "name: small\n"
                               "input: {T: 2, channels: 1, height: 16, width: 12}\n"
                               "encoder:\n"
                               "  - conv: {channels: 4, kernel: 3, stride: 2, padding: 1}\n"
                               "%slatent: 10\n"
                               "decoder:\n"
                               "  - conv_transpose: {channels: 1, kernel: 4, stride: 2, padding: 1, activation: tanh}\n",
                               lines);
    char *errors;
    size_t size;
    FILE *stream = open_memstream(&errors, &size);
    const Spec *spec = parse_spec("x.yaml", bytes, strlen(bytes), stream);
    fclose(stream);
    ck_assert_msg(spec == NULL && strstr(errors, text) != NULL, "%s: no '%s' in\n%s", lines, text, errors);
    free(errors);
}

/* Keys are known, distinguished and suggested, whatever their row. (Each test is a separate process.) */
START_TEST(the_table_of_keys_may_have_any_number_of_rows) {
    enum { MORE = 300 };
    Key *table = NEW_ARRAY(Key, spec_key_count + MORE);
    memcpy(table, spec_keys, sizeof(Key) * (size_t)spec_key_count);
    for (int i = 0; i < MORE; i++) {
        table[spec_key_count] = table[1]; /* `name` */
        table[spec_key_count].presence = KEY_OPTIONAL;
        table[spec_key_count++].name = format("extra_key_number_%c%c", 'a' + i / 26, 'a' + i % 26);
    }
    spec_keys = table;
    for (int i = 0; i < MORE; i++) {
        const char *key = table[spec_key_count - MORE + i].name;
        expect_error(format("%s: small\n%s: small\n", key, key), format("`%s` stands here a second time", key));
    }
    expect_error("extra_key_number_lm_: small\n", "did you mean `extra_key_number_lm`?");
}
END_TEST

Suite *keys_suite(void) {
    Suite *suite = suite_create("keys");
    TCase *table = tcase_create("table");
    tcase_add_test(table, the_table_of_keys_may_have_any_number_of_rows);
    suite_add_tcase(suite, table);
    return suite;
}
