/* recompute_search.c: chooses the results to compute again. There are 3 to the power of the number of candidates ways, so a few are
 * improved step by step: the keeping of one or two candidates is changed.
 *
 * 1. The least workspace. Starts from all FRESH, from all ONCE, and from these with every n-th STORED, for the best of many n. Improves
 * them as long as the workspace shrinks, or the work shrinks for the same workspace. The best of these ends counts as the least workspace.
 * 2. Upwards from all STORED. Takes the candidate that reduces the excess the most for its FLOPs, until there is no excess. The excess is
 * the number of bytes above the limit, summed over all calls.
 * 3. All ways to have the largest results ONCE or STORED, in the order of their work, up to the first one within the limit.
 *
 * The ends of all three, and again every n-th STORED, are then improved as long as the work shrinks and the limit holds. The one with the
 * least work is taken. For small networks it is as good as trying everything (tests/test_recompute.c). The workspace is the planner's in
 * each case, so the result keeps the limit. */
#include "recompute/recompute_search.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Limits of the search, in candidates for all ways, candidates for pairs, tensors for a layout, and visited nodes for a stage, which is a
 * second or two. None of them depends on the machine. */
enum { MOST_FOR_ALL_WAYS = 11, MOST_FOR_PAIRS = 24, MOST_LAID_OUT = 1500, MOVES_OF = 32, EFFORT = 10000000 };

typedef struct State {
    Keeping *keeping;
    Need need;
} State;

typedef struct Search {
    const Footprint *footprint;
    long limit;
    double *effort;   /* nodes that may still be visited in this stage */
    int count;        /* of candidates */
    const int *order; /* the most FLOPs first */
} Search;

static double result_bytes(const Footprint *footprint, int candidate) {
    return (double)footprint->tensor[footprint->result[candidate]]->bytes;
}

/* The candidates in order. */
static int *largest_first(const Search *s, double (*value)(const Footprint *, int)) {
    int *order = NEW_ARRAY(int, s->count + 1);
    for (int i = 0; i < s->count; i++) {
        int place = i;
        for (; place > 0 && value(s->footprint, order[place - 1]) < value(s->footprint, i); place--) order[place] = order[place - 1];
        order[place] = i;
    }
    return order;
}

static Need need_of(const Search *s, const Keeping *keeping, long most) {
    const Need need = find_need(s->footprint, keeping, s->limit, s->footprint->tensors <= MOST_LAID_OUT ? most : 0);
    *s->effort -= need.cost;
    return need;
}

static void begin_stage(const Search *s) {
    *s->effort = EFFORT;
}

static bool may_go_on(const Search *s) {
    return *s->effort > 0;
}

static State start_from(const Search *s, Keeping all) {
    State state = {.keeping = NEW_ARRAY(Keeping, s->count + 1)};
    for (int i = 0; i < s->count; i++) state.keeping[i] = all;
    state.need = need_of(s, state.keeping, LONG_MAX);
    return state;
}

static long over(const Search *s, const Need *need) {
    return maximum(need->bytes - s->limit, 0);
}

/* Is `a` less above the limit than `b`, or as much with less work? */
static bool is_better(const Search *s, const Need *a, const Need *b) {
    return over(s, a) != over(s, b) ? over(s, a) < over(s, b) : a->flops < b->flops;
}

/* Takes the changed keeping if the state is better with it. If not, the caller has to undo the change. */
static bool take_if_better(const Search *s, State *state) {
    if (!may_go_on(s)) return false;
    const Need need = need_of(s, state->keeping, s->limit + over(s, &state->need));
    if (!is_better(s, &need, &state->need)) return false;
    state->need = need;
    return true;
}

static bool improve_one(const Search *s, State *state, int candidate) {
    const Keeping before = state->keeping[candidate];
    for (Keeping keeping = 0; keeping < KEEPINGS; keeping++) {
        if (keeping == before) continue;
        state->keeping[candidate] = keeping;
        if (take_if_better(s, state)) return true;
    }
    state->keeping[candidate] = before;
    return false;
}

static bool improve_pair(const Search *s, State *state, int a, int b) {
    const Keeping before[2] = {state->keeping[a], state->keeping[b]};
    for (int both = 0; both < KEEPINGS * KEEPINGS; both++) {
        state->keeping[a] = (Keeping)(both / KEEPINGS), state->keeping[b] = (Keeping)(both % KEEPINGS);
        if (state->keeping[a] == before[0] || state->keeping[b] == before[1]) continue;
        if (take_if_better(s, state)) return true;
    }
    state->keeping[a] = before[0], state->keeping[b] = before[1];
    return false;
}

static void improve(const Search *s, State *state) {
    bool improved = true;
    begin_stage(s);
    while (improved && may_go_on(s)) {
        improved = false;
        for (int i = 0; i < s->count; i++) improved |= improve_one(s, state, s->order[i]);
        for (int i = 0; !improved && s->count <= MOST_FOR_PAIRS && i < s->count; i++)
            for (int j = i + 1; j < s->count; j++) improved |= improve_pair(s, state, s->order[i], s->order[j]);
    }
}

/* ---- upwards from all STORED ---- */

typedef struct Move {
    int candidate;
    Keeping keeping;
    double gain; /* of excess, for each FLOP */
} Move;

static Move best_move(const Search *s, State *state, int candidate) {
    Move best = {.candidate = candidate};
    const Keeping before = state->keeping[candidate];
    for (Keeping keeping = before + 1; keeping < KEEPINGS; keeping++) {
        state->keeping[candidate] = keeping;
        const Need need = need_of(s, state->keeping, 0);
        const double work = need.flops - state->need.flops, gain = (state->need.excess - need.excess) / (work > 0 ? work + 1 : 1);
        if (gain > best.gain) best = (Move){candidate, keeping, gain};
    }
    state->keeping[candidate] = before;
    return best;
}

static int more_gain_first(const void *a, const void *b) {
    const Move *left = a, *right = b;
    return left->gain != right->gain ? (left->gain > right->gain ? -1 : 1) : left->candidate - right->candidate;
}

/* Of many candidates, takes several at a time. */
static void lessen_excess(const Search *s, State *state) {
    Move *move = NEW_ARRAY(Move, s->count + 1);
    begin_stage(s);
    while (state->need.excess > 0 && may_go_on(s)) {
        for (int i = 0; i < s->count; i++) move[i] = best_move(s, state, i);
        qsort(move, (size_t)s->count, sizeof *move, more_gain_first);
        if (s->count == 0 || move[0].gain <= 0) break;
        for (int i = 0; i <= s->count / MOVES_OF && i < s->count && move[i].gain > 0; i++)
            state->keeping[move[i].candidate] = move[i].keeping;
        state->need = need_of(s, state->keeping, 0);
    }
    state->need = need_of(s, state->keeping, LONG_MAX);
}

/* ---- all ways of some ---- */

typedef struct Way { /* bit i: the i-th of the candidates that are tried is computed again, ONCE */
    unsigned bits;
    double flops;
} Way;

static int less_work_first(const void *a, const void *b) {
    const Way *left = a, *right = b;
    return left->flops != right->flops ? (left->flops < right->flops ? -1 : 1) : (int)left->bits - (int)right->bits;
}

/* Takes the way with the least work within the limit, if there is one. */
static void try_all_ways(const Search *s, State *state) {
    const int *largest = largest_first(s, result_bytes), tried = (int)minimum(s->count, MOST_FOR_ALL_WAYS), count = 1 << tried;
    Way *way = NEW_ARRAY(Way, count);
    for (int w = 0; w < count; w++) {
        way[w].bits = (unsigned)w;
        for (int i = 0; i < tried; i++) way[w].flops += w >> i & 1 ? candidate_flops(s->footprint, largest[i]) : 0;
    }
    qsort(way, (size_t)count, sizeof *way, less_work_first);
    begin_stage(s);
    for (int w = 0; w < count && may_go_on(s); w++) {
        for (int i = 0; i < tried; i++) state->keeping[largest[i]] = way[w].bits >> i & 1 ? ONCE : STORED;
        state->need = need_of(s, state->keeping, s->limit);
        if (over(s, &state->need) == 0) return;
    }
}

/* ---- both ---- */

/* The best state with every n-th candidate STORED and the others as `between`. For a chain of n equal layers, √n is the best period for
 * ONCE. */
static State best_periodic(const Search *s, Keeping between) {
    State best = start_from(s, between);
    begin_stage(s);
    for (int period = 2; period < s->count && may_go_on(s); period += 1 + period / 4) {
        State state = start_from(s, between);
        for (int i = period - 1; i < s->count; i += period) state.keeping[i] = STORED;
        state.need = need_of(s, state.keeping, LONG_MAX);
        if (is_better(s, &state.need, &best.need)) best = state;
    }
    return best;
}

static State find_least(const Search *s) {
    Search without = *s;
    without.limit = 0;
    State least = start_from(s, STORED);
    for (int start = 0; start < 4; start++) {
        const Keeping keeping = start % 2 ? ONCE : FRESH;
        State state = start < 2 ? start_from(&without, keeping) : best_periodic(&without, keeping);
        improve(&without, &state);
        if (is_better(&without, &state.need, &least.need)) least = state;
    }
    return least;
}

Need choose_keeping(const Footprint *footprint, long limit, Keeping *keeping) {
    double effort = 0;
    Search search = {.footprint = footprint, .limit = maximum(limit, 0), .effort = &effort, .count = footprint->candidates};
    search.order = largest_first(&search, candidate_flops);
    State best = find_least(&search);
    best.need = need_of(&search, best.keeping, LONG_MAX);
    if (over(&search, &best.need) == 0) {
        State other[] = {best_periodic(&search, ONCE), best_periodic(&search, FRESH), start_from(&search, STORED),
                         start_from(&search, STORED)};
        lessen_excess(&search, &other[2]);
        try_all_ways(&search, &other[3]);
        improve(&search, &best);
        for (int i = 0; i < 4; i++) {
            improve(&search, &other[i]);
            if (is_better(&search, &other[i].need, &best.need)) best = other[i];
        }
    }
    memcpy(keeping, best.keeping, sizeof *keeping * (size_t)footprint->candidates);
    return best.need;
}
