/* Indices and layouts: simplified formulas give the same values, for every value of the variables. */
#include "../compiler/loop/kernel.h"

#include <check.h>

Suite *affine_suite(void);

enum { VARIABLES = 4, ROUNDS = 1000 };

typedef struct Sample { /* variables, and a value for each */
    uint64_t random;
    const Variable *variable[VARIABLES];
    long value[VARIABLES];
} Sample;

static long random_below(Sample *sample, long limit) {
    sample->random = sample->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (long)(sample->random >> 33) % limit;
}

static Sample new_sample(uint64_t seed) {
    Sample sample = {.random = seed};
    for (int i = 0; i < VARIABLES; i++) sample.variable[i] = new_variable("v", 1 + random_below(&sample, 6));
    return sample;
}

/* The next values; false after the last. */
static bool step(Sample *sample) {
    for (int i = 0; i < VARIABLES; i++) {
        if (++sample->value[i] < sample->variable[i]->extent) return true;
        sample->value[i] = 0;
    }
    return false;
}

static Affine random_affine(Sample *sample) {
    Affine a = affine_constant(random_below(sample, 21) - 10);
    for (int i = 0; i < VARIABLES; i++)
        if (random_below(sample, 2)) a = affine_add(a, affine_scale(affine_variable(sample->variable[i]), random_below(sample, 13) - 6));
    return a;
}

static long value_of(const Sample *sample, const Affine *a) {
    long value = a->constant;
    for (int t = 0; t < a->count; t++)
        for (int i = 0; i < VARIABLES; i++)
            if (a->term[t].variable == sample->variable[i]) value += a->term[t].coefficient * sample->value[i];
    return value;
}

/* No variable twice, no coefficient 0. */
static bool is_reduced(const Affine *a) {
    for (int t = 0; t < a->count; t++) {
        if (a->term[t].coefficient == 0) return false;
        for (int before = 0; before < t; before++)
            if (a->term[t].variable == a->term[before].variable) return false;
    }
    return true;
}

START_TEST(operations_on_indices_are_operations_on_their_values) {
    for (uint64_t round = 0; round < ROUNDS; round++) {
        Sample sample = new_sample(round);
        const Affine a = random_affine(&sample), b = random_affine(&sample);
        const long factor = random_below(&sample, 7) - 3, shift = random_below(&sample, 7) - 3;
        const Affine sum = affine_add(a, b), product = affine_scale(a, factor), shifted = affine_shift(a, shift);
        const Affine replaced = affine_substitute(a, sample.variable[0], b), nothing = affine_add(a, affine_scale(a, -1));
        const long coefficient = affine_coefficient(&a, sample.variable[0]);
        long low, high, least = 1000, most = -1000;
        affine_range(&a, &low, &high);
        ck_assert(nothing.count == 0 && nothing.constant == 0);
        ck_assert(affine_equal(&a, &a) &&
                  affine_equal(&b, &a) == (affine_add(b, affine_scale(a, -1)).count == 0 && a.constant == b.constant));
        ck_assert(is_reduced(&sum) && is_reduced(&product) && is_reduced(&shifted) && is_reduced(&replaced));
        bool right = true;
        do {
            const long of_a = value_of(&sample, &a), of_b = value_of(&sample, &b);
            right = right && value_of(&sample, &sum) == of_a + of_b && value_of(&sample, &product) == of_a * factor &&
                    value_of(&sample, &shifted) == of_a + shift &&
                    value_of(&sample, &replaced) == of_a + coefficient * (of_b - sample.value[0]);
            least = minimum(least, of_a);
            most = maximum(most, of_a);
        } while (step(&sample));
        ck_assert(right);
        ck_assert(low == least && high == most);
    }
}
END_TEST

/* Two dimensions: in order or not, one of them in blocks or not, or split by phases as in a stage. */
static Layout random_layout(Sample *sample, const long *shape) {
    const int first = (int)random_below(sample, 2), order[2] = {first, 1 - first};
    const long kind = random_below(sample, 3), block = 1L << random_below(sample, 4);
    if (kind == 0) return layout_ordered(2, shape, order, -1, 1);
    if (kind == 1) return layout_ordered(2, shape, order, (int)random_below(sample, 2), block);
    Layout layout = {.count = 3, .size = round_up(shape[0], block) * shape[1]};
    layout.term[0] = (__typeof__(layout.term[0])){.dimension = 0, .divisor = block, .stride = 1};
    layout.term[1] =
        (__typeof__(layout.term[0])){.dimension = 0, .divisor = 1, .modulus = block, .stride = round_up(shape[0], block) / block};
    layout.term[2] = (__typeof__(layout.term[0])){.dimension = 1, .divisor = 1, .stride = round_up(shape[0], block)};
    return layout;
}

START_TEST(an_offset_is_where_the_layout_has_the_element) {
    int whole = 0; /* offsets without divisions */
    for (uint64_t round = 0; round < ROUNDS; round++) {
        Sample sample = new_sample(round);
        Affine index[2];
        long shape[2];
        for (int d = 0; d < 2; d++) {
            long low, high;
            index[d] = random_affine(&sample);
            if (round % 2) index[d] = affine_scale(index[d], 8);
            if (round % 4 == 3) index[d] = affine_add(index[d], affine_variable(sample.variable[d]));
            affine_range(&index[d], &low, &high);
            index[d] = affine_shift(index[d], random_below(&sample, 30) - low);
            affine_range(&index[d], &low, &high);
            shape[d] = high + 1;
        }
        const Layout layout = random_layout(&sample, shape);
        const Offset offset = buffer_offset(new_buffer("b", TYPE_F32, SPACE_TENSOR, 2, shape, layout), index);
        whole += offset.count == 0;
        bool right = true;
        do {
            long value = value_of(&sample, &offset.affine);
            for (int t = 0; t < offset.count; t++) {
                long part = value_of(&sample, &offset.term[t].inner) / offset.term[t].divisor;
                if (offset.term[t].modulus) part %= offset.term[t].modulus;
                value += part * offset.term[t].stride;
            }
            const long at[2] = {value_of(&sample, &index[0]), value_of(&sample, &index[1])};
            right = right && value == layout_offset(&layout, at);
        } while (step(&sample));
        ck_assert(right);
    }
    ck_assert_int_gt(whole, ROUNDS / 2);
    ck_assert_int_lt(whole, ROUNDS);
}
END_TEST

Suite *affine_suite(void) {
    Suite *suite = suite_create("affine");
    TCase *tests = tcase_create("affine");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, operations_on_indices_are_operations_on_their_values);
    tcase_add_test(tests, an_offset_is_where_the_layout_has_the_element);
    suite_add_tcase(suite, tests);
    return suite;
}
