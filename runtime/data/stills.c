/* stills.c: names of still images: their order and their numbers. */
#include "data/stills.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Runs of digits compare by value, everything else by byte; names that are then equal (07 and 7) by byte. */
int compare_natural(const void *left, const void *right) {
    const char *const first = *(const char *const *)left, *const second = *(const char *const *)right;
    const unsigned char *a = (const unsigned char *)first, *b = (const unsigned char *)second;
    while (*a && *b) {
        if (!isdigit(*a) || !isdigit(*b)) {
            if (*a != *b) return *a < *b ? -1 : 1;
            a++, b++;
            continue;
        }
        while (*a == '0') a++;
        while (*b == '0') b++;
        size_t length_a = strspn((const char *)a, "0123456789"), length_b = strspn((const char *)b, "0123456789");
        if (length_a != length_b) return length_a < length_b ? -1 : 1;
        int order = memcmp(a, b, length_a);
        if (order) return order;
        a += length_a, b += length_b;
    }
    if (*a || *b) return *a ? 1 : -1;
    return strcmp(first, second);
}

size_t stills_stem(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot && dot != name ? (size_t)(dot - name) : strlen(name);
}

/* Splits a name at its last number: "frame_" 12 ".png". False: it has none, or one that is too long. */
static bool split_name(const char *name, size_t *begin, size_t *end, int64_t *number) {
    *end = stills_stem(name);
    while (*end > 0 && !isdigit((unsigned char)name[*end - 1])) (*end)--;
    *begin = *end;
    while (*begin > 0 && isdigit((unsigned char)name[*begin - 1])) (*begin)--;
    if (*begin == *end || *end - *begin > 18) return false;
    *number = strtoll(name + *begin, NULL, 10);
    return true;
}

int64_t stills_distance(const char *name, const char *next) {
    size_t begin, end, next_begin, next_end;
    int64_t number, next_number;
    if (!split_name(name, &begin, &end, &number) || !split_name(next, &next_begin, &next_end, &next_number)) return 0;
    size_t rest = stills_stem(name) - end, next_rest = stills_stem(next) - next_end;
    bool same =
        begin == next_begin && rest == next_rest && memcmp(name, next, begin) == 0 && memcmp(name + end, next + next_end, rest) == 0;
    return same && next_number > number ? next_number - number : 0;
}

int64_t stills_step(const char *const *names, int64_t count) {
    int64_t step = INT64_MAX;
    for (int64_t i = 0; i + 1 < count; i++) {
        int64_t here = stills_distance(names[i], names[i + 1]);
        if (here > 0 && here < step) step = here;
    }
    return step;
}
