/* verify_bounds.c: intervals of indices from the ranges of variables and from guards; layouts. */
#include "verify/verifier.h"

#include <limits.h>
#include <stdlib.h>

static long greatest_common_divisor(long a, long b) {
    a = labs(a);
    b = labs(b);
    while (b) {
        long rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static Interval intersection(Interval a, Interval b) {
    return (Interval){maximum(a.low, b.low), minimum(a.high, b.high)};
}

/* Knowing fact.low ≤ f ≤ fact.high: multiply·x = times·f + rest, so x is between the bounds of the right side over `multiply`. */
static Interval by_fact(const Affine *x, const Fact *fact, long multiply, long times) {
    Affine rest = affine_add(affine_scale(*x, multiply), affine_scale(fact->value, -times));
    Interval other = affine_interval(&rest, fact->outer);
    if (other.low > other.high) return other;
    long low = other.low + times * (times > 0 ? fact->low : fact->high);
    long high = other.high + times * (times > 0 ? fact->high : fact->low);
    return (Interval){-floor_divide(-low, multiply), floor_divide(high, multiply)};
}

Interval affine_interval(const Affine *x, const Fact *facts) {
    Interval result;
    affine_range(x, &result.low, &result.high);
    for (const Fact *fact = facts; fact; fact = fact->outer) {
        long last_multiply = 0, last_times = 0;
        for (int i = 0; i < fact->value.count; i++) {
            long of_x = affine_coefficient(x, fact->value.term[i].variable), of_fact = fact->value.term[i].coefficient;
            if (!of_x) continue;
            long divisor = greatest_common_divisor(of_x, of_fact) * (of_fact < 0 ? -1 : 1);
            long multiply = of_fact / divisor, times = of_x / divisor;
            if (multiply == last_multiply && times == last_times) continue; /* the usual case: all of x is a multiple of all of f */
            last_multiply = multiply;
            last_times = times;
            result = intersection(result, by_fact(x, fact, multiply, times));
        }
    }
    return result;
}

static const Fact *add_fact(const Affine *value, Interval interval, const Fact *outer) {
    Fact *fact = NEW(Fact);
    *fact = (Fact){*value, interval.low, interval.high, outer};
    return fact;
}

const Fact *facts_of_guard(const Statement *guard, bool holds, const Fact *facts, bool *reachable) {
    *reachable = true;
    if (holds) {
        for (int i = 0; i < guard->condition_count; i++) {
            const Condition *condition = &guard->condition[i];
            Interval interval = intersection(affine_interval(&condition->value, facts), (Interval){0, condition->limit - 1});
            if (interval.low > interval.high) *reachable = false;
            facts = add_fact(&condition->value, interval, facts);
        }
        return facts;
    }
    int open = 0; /* conditions that do not always hold; of one alone, more is known where it fails */
    const Condition *failing = NULL;
    Interval all = {0, 0};
    for (int i = 0; i < guard->condition_count; i++) {
        Interval interval = affine_interval(&guard->condition[i].value, facts);
        if (interval.low >= 0 && interval.high < guard->condition[i].limit) continue;
        open++;
        failing = &guard->condition[i];
        all = interval;
    }
    if (open == 0) *reachable = false;
    if (open != 1) return facts;
    if (all.low >= 0) return add_fact(&failing->value, (Interval){maximum(all.low, failing->limit), all.high}, facts);
    if (all.high < failing->limit) return add_fact(&failing->value, (Interval){all.low, minimum(all.high, -1)}, facts);
    return facts;
}

void verify_bounds(Verifier *verifier, const Access *access) {
    const Buffer *buffer = access->buffer;
    for (int i = 0; i < buffer->rank; i++) {
        Interval interval;
        affine_range(&access->index[i], &interval.low, &interval.high);
        if (interval.low >= 0 && interval.high < buffer->shape[i]) continue;
        interval = affine_interval(&access->index[i], access->facts);
        if (interval.low > interval.high) return; /* never runs */
        if (interval.low >= 0 && interval.high < buffer->shape[i]) continue;
        refuse_tree(verifier, access->statement, "%s of %s out of bounds: dimension %d takes %ld … %ld, legal is 0 … %ld",
                    access->store ? "store" : "load", buffer->name, i, interval.low, interval.high, buffer->shape[i] - 1);
        return;
    }
}

/* ---- layouts ---- */

/* The terms of one dimension must be its digits: divisors 1, m, m·m′, …, each modulus up to the next divisor, the last one open or
 * large enough. Then an index is known by its digits. */
static bool digits_are_complete(const Layout *layout, int dimension, long extent) {
    long divisor = 1;
    while (divisor < extent) {
        long modulus = -1;
        for (int i = 0; i < layout->count; i++)
            if (layout->term[i].dimension == dimension && layout->term[i].divisor == divisor && layout->term[i].modulus != 1)
                modulus = layout->term[i].modulus;
        if (modulus < 0) return false;
        if (modulus == 0) return true;
        divisor *= modulus;
    }
    return true;
}

/* Different elements lie at different offsets, all within the size: sorted by stride, each stride is larger than everything
 * that the smaller terms can add up to. */
void verify_layout(Verifier *verifier, const Buffer *buffer) {
    const Layout *layout = &buffer->layout;
    for (int d = 0; d < buffer->rank; d++)
        if (!digits_are_complete(layout, d, buffer->shape[d]))
            refuse_tree(verifier, NULL, "layout of %s: dimension %d has elements at the same offset", buffer->name, d);
    long reach = 0; /* largest offset by terms of strides so far */
    long stride = 0;
    for (int done = 0; done < layout->count;) {
        long next = LONG_MAX, most = 0;
        int same = 0, several = 0;
        for (int i = 0; i < layout->count; i++) {
            long last = (buffer->shape[layout->term[i].dimension] - 1) / layout->term[i].divisor;
            if (layout->term[i].modulus) last = minimum(last, layout->term[i].modulus - 1);
            if (layout->term[i].stride <= stride && done == 0 && layout->term[i].stride < 1)
                refuse_tree(verifier, NULL, "layout of %s: a stride of %ld", buffer->name, layout->term[i].stride);
            if (layout->term[i].stride <= stride || layout->term[i].stride > next) continue;
            if (layout->term[i].stride < next) same = several = 0, most = 0;
            next = layout->term[i].stride;
            same++;
            several += last > 0;
            most = maximum(most, last);
        }
        if (!same) return;
        if (several > 1 || (several && next <= reach))
            refuse_tree(verifier, NULL, "layout of %s: elements of stride %ld overlap", buffer->name, next);
        reach += most * next;
        stride = next;
        done += same;
    }
    if (reach >= layout->size)
        refuse_tree(verifier, NULL, "layout of %s: its last element is at %ld of %ld", buffer->name, reach, layout->size);
}
