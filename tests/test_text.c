/* How text from outside is shown: any bytes become one line of valid UTF-8, and different bytes different lines. */
#include "../compiler/base/support.h"
#include "../compiler/spec/spec.h"
#include "../runtime/common/file.h"
#include "../runtime/common/random.h"
#include "../runtime/common/text.h"

#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Fails unless the text is UTF-8 and every character is visible. */
static void check_plain(const char *text) {
    for (size_t at = 0, size = strlen(text), step; at < size; at += step) {
        step = utf8_bytes(text + at, size - at);
        const TextKind kind = step > 0 ? text_kind(utf8_character(text + at, step)) : TEXT_NONE;
        if (kind != TEXT_PLAIN) ck_abort_msg("kind %d in %s", (int)kind, text); /* each ck_assert costs a system call */
    }
}

START_TEST(text_is_shown_as_said) {
    static const char *const rows[][2] = {
        {"plain/name 1.mp4", "plain/name 1.mp4"},
        {"Ærøskøbing – “été” 動画 ×2 🎬", "Ærøskøbing – “été” 動画 ×2 🎬"},
        {"a\\nb", "a\\\\nb"},
        {"a\nb\tc\rd", "a\\nb\\tc\\rd"},
        {"\x1b[2J\x07\x7f", "\\x1b[2J\\x07\\x7f"},
        {"\xc2\x85\xc2\x9b", "\\u0085\\u009b"},
        {"\xe2\x80\xa8\xe2\x80\xa9", "\\u2028\\u2029"},
        {"\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8f", "\\u202e\\u2066\\u200f"},
        {"\xc2\xa0\xe2\x80\xaf\xe3\x80\x80", "\\u00a0\\u202f\\u3000"},
        {"\xe2\x80\x8b\xef\xbb\xbf\xc2\xad\xf3\xa0\x81\x81", "\\u200b\\ufeff\\u00ad\\U000e0041"},
        {"\xef\xbf\xbe", "\\ufffe"},
        {"\xff\xc0\xaf", "\\xff\\xc0\\xaf"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* a surrogate */
        {"\xe2\x80", "\\xe2\\x80"},          /* cut off */
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *shown = escape_text(rows[i][0]);
        ck_assert_str_eq(shown, rows[i][1]);
        free(shown);
    }
}
END_TEST

/* Decodes the escapes in `shown`; returns how many bytes. */
static size_t unescape(unsigned char *bytes, const char *shown) {
    size_t length = 0;
    while (*shown) {
        char digits[9] = "";
        unsigned long code = 0;
        const char letter = shown[1];
        size_t count = letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
        if (*shown != '\\') {
            bytes[length++] = (unsigned char)*shown++;
            continue;
        }
        memcpy(digits, shown + 2, count);
        code = strtoul(digits, NULL, 16);
        if (!count) code = letter == 'n' ? '\n' : letter == 't' ? '\t' : letter == 'r' ? '\r' : '\\';
        if (count < 4) bytes[length++] = (unsigned char)code;
        else {
            int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
            bytes[length++] = (unsigned char)(code >> 6 * more | (more == 1 ? 0xc0U : more == 2 ? 0xe0U : 0xf0U));
            while (more--) bytes[length++] = (unsigned char)((code >> 6 * more & 0x3f) | 0x80);
        }
        shown += 2 + count;
    }
    return length;
}

/* Pieces that random bytes alone would rarely make. */
static size_t random_bytes(uint64_t index, char *bytes) {
    static const char *const pieces[] = {"\\",           "\\n", "\\x1b", "\\u2028",      "\xe2\x80\xa8", "\xc2\x85",
                                         "\xe2\x80\xae", "é",   "\xff",  "\xf3\xa0\x81", "\xed\xbf\xbf", "\xef\xbf\xbf",
                                         "\r\n",         "\"",  "動",    "\xef\xbb\xbf"};
    size_t length = 0;
    const size_t count = (size_t)random_below(7, RANDOM_CLIP_VIDEO, index * 64, 12);
    for (uint64_t i = 1; i <= count; i++) {
        const uint64_t draw = random_below(7, RANDOM_CLIP_VIDEO, index * 64 + i, 512);
        const char *piece = pieces[draw % 16];
        if (draw < 256) bytes[length++] = (char)draw;
        else memcpy(bytes + length, piece, strlen(piece)), length += strlen(piece);
    }
    return length;
}

START_TEST(any_bytes_become_one_line_of_utf8_that_can_be_undone) {
    enum { ROUNDS = 40000 };
    for (uint64_t i = 0; i < ROUNDS; i++) {
        char bytes[100];
        unsigned char back[100];
        const size_t length = random_bytes(i, bytes);
        char *shown = escape_bytes(bytes, length);
        check_plain(shown);
        const bool same = unescape(back, shown) == length && memcmp(back, bytes, length) == 0; /* so no two texts are shown as the same */
        if (!same) ck_abort_msg("undone, it is another text: %s", shown);
        free(shown);
    }
}
END_TEST

START_TEST(errors_of_specs_that_hold_anything_are_plain_lines) {
    static const char base[] =
        "version: 1\nname: 'small' # a name\ninput: {T: 2, channels: 1, height: 16, width: 12}\nlatent: 10\n\"gru\": x\n";
    for (uint64_t i = 0; i < 2000; i++) {
        arena_enter();
        char bytes[sizeof base + 200], *errors;
        size_t length = sizeof base - 1, size;
        memcpy(bytes, base, length);
        for (uint64_t k = 0; k < 2; k++) {
            char piece[100];
            const size_t more = random_bytes(100000 + 2 * i + k, piece);
            const size_t place = (size_t)random_below(9, RANDOM_CLIP_START, 2 * i + k, length);
            memmove(bytes + place + more, bytes + place, length - place);
            memcpy(bytes + place, piece, more);
            length += more;
        }
        FILE *stream = open_memstream(&errors, &size);
        ck_assert_ptr_null(parse_spec("\xff\n.yaml", bytes, length, stream)); /* it lacks layers */
        fclose(stream);
        for (char *line = errors, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
            *end = 0;
            check_plain(line);
        }
        free(errors);
        arena_leave();
    }
}
END_TEST

START_TEST(json_keeps_texts_apart) {
    static const char *const texts[] = {"a\xff", "a\\xff", "a\xfe", "a?", "a\n", "a\\n", "a\xe2\x80\xa8", "a\"", "a\\\"", "a\\"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t k = 0; k < i; k++) {
            char *first = json_quoted(texts[i]), *second = json_quoted(texts[k]);
            json_t *value = json_loads(first, JSON_DECODE_ANY, NULL);
            ck_assert_str_ne(first, second);
            ck_assert(json_is_string(value));
            json_decref(value);
            free(first);
            free(second);
        }
}
END_TEST

START_TEST(json_that_is_read_back_is_the_same_text) {
    static const char *const texts[] = {"a\\xff", "a\n", "a\\n", "\"", "\x1b", "\xe2\x80\xa8", "動"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *quoted = json_exact(texts[i]);
        json_t *value = json_loads(quoted, JSON_DECODE_ANY, NULL);
        ck_assert_str_eq(json_string_value(value), texts[i]);
        json_decref(value);
        free(quoted);
    }
}
END_TEST

START_TEST(a_message_is_one_line) {
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    print_escaped(out, "%s: %d × %s", "a\nb", 3, "\xff");
    fclose(out);
    ck_assert_str_eq(text, "a\\nb: 3 × \\xff\n");
    free(text);
}
END_TEST

Suite *text_suite(void);
Suite *text_suite(void) {
    Suite *suite = suite_create("text");
    TCase *tests = tcase_create("text");
    tcase_add_test(tests, text_is_shown_as_said);
    tcase_add_test(tests, any_bytes_become_one_line_of_utf8_that_can_be_undone);
    tcase_add_test(tests, errors_of_specs_that_hold_anything_are_plain_lines);
    tcase_add_test(tests, json_keeps_texts_apart);
    tcase_add_test(tests, json_that_is_read_back_is_the_same_text);
    tcase_add_test(tests, a_message_is_one_line);
    suite_add_tcase(suite, tests);
    return suite;
}
