/* choose.c: looks up what a tuning file requests of a kernel, and has the cost model of register tiles. Its constants are the target's
 * (target.c), never this machine's. Algorithms are decided in products.c. */
#include "lower/choose.h"

/* ---- requests ---- */

int wanted_number(const Lowering *l, const Node *node) {
    return find_wanted(l->choices->wanted, l->program_name, node->repeats ? node->repeats : node->name);
}

Algorithm wanted_algorithm(const Lowering *l, const Node *node) {
    const int number = wanted_number(l, node);
    return number >= 0 ? l->choices->wanted->kernel[number].algorithm : ALGORITHM_ANY;
}

KernelChoice *begin_choice(const Lowering *l, Algorithm algorithm) {
    KernelChoice *choice = NEW(KernelChoice);
    TargetCode *code = l->code;
    *choice = (KernelChoice){
        .program = code->several_tuned ? l->program_name : NULL, .kernel = l->node->name, .algorithm = algorithm, .target = l->target};
    if (l->program->tuned && !l->node->repeats) {
        MAKE_ROOM(code->choice, code->choice_count, code->choice_capacity);
        code->choice[code->choice_count++] = choice;
    }
    const int number = wanted_number(l, l->node);
    if (number < 0) return choice;
    choice->wanted = &l->choices->wanted->kernel[number];
    choice->answer = &code->answer[number];
    if (!choice->answer->found) *choice->answer = (Answer){.found = true, .algorithm = algorithm};
    return choice;
}

/* ---- register tiles ---- */

enum { TILE_VECTORS, TILE_OUTER, TILE_INNER };

typedef struct TileRange {
    long extent[3];        /* vectors, outer and inner values */
    bool inner_of_vectors; /* each inner value has vectors of its own; else values to broadcast */
    bool streamed;         /* the vectors are weights, of which the first-level cache keeps few */
} TileRange;

static long loaded_vectors(const TileRange *range, const long tile[3]) {
    return tile[TILE_VECTORS] * (range->inner_of_vectors ? tile[TILE_INNER] : 1);
}

/* Cycles for one step of the sum on a tile: multiply-adds overlap with loads and broadcasts, though not wholly, since some of these
 * miss the first-level cache. A chain of multiply-adds on one accumulator takes the latency; half as many chains again as would hide it
 * keep the units busy while one of them waits. */
static double tile_cycles(const Target *target, const TileRange *range, const long tile[3]) {
    const double sums = (double)(tile[TILE_VECTORS] * tile[TILE_OUTER] * tile[TILE_INNER]);
    const double broadcasts = (double)(tile[TILE_OUTER] * (range->inner_of_vectors ? 1 : tile[TILE_INNER]));
    const double memory =
        (double)loaded_vectors(range, tile) / (range->streamed ? target->streams : target->loads) + broadcasts / target->broadcasts;
    double cycles = (sums + target->conversion * (double)loaded_vectors(range, tile)) / target->multiply_adds;
    if (cycles < memory) cycles = memory;
    if (cycles < 1.5 * target->latency) cycles = 1.5 * target->latency;
    return cycles + 0.1 * memory;
}

/* The cycles of the whole range: full tiles, and the remainder of each variable. Each remainder is a copy of the loops and costs 2%. */
static double range_cycles(const Target *target, const TileRange *range, const long size[3]) {
    double cycles = 0;
    int copies = -1;
    for (int corner = 0; corner < 8; corner++) {
        double times = 1;
        long tile[3];
        for (int d = 0; d < 3; d++) {
            const bool rest = corner >> d & 1;
            tile[d] = rest ? range->extent[d] % size[d] : size[d];
            times *= (double)(rest ? tile[d] != 0 : range->extent[d] / size[d]);
        }
        if (times == 0) continue;
        cycles += times * tile_cycles(target, range, tile);
        copies++;
    }
    return cycles * (1 + 0.02 * copies);
}

static RegisterTile choose_tile(const Target *target, const TileRange *range) {
    RegisterTile best = {1, 1, 1};
    double least = -1;
    for (long v = 1; v <= minimum(range->extent[TILE_VECTORS], 4); v++)
        for (long o = 1; o <= minimum(range->extent[TILE_OUTER], 8); o++)
            for (long i = 1; i <= minimum(range->extent[TILE_INNER], 16); i++) {
                const long tile[3] = {v, o, i};
                if (v * o * i + loaded_vectors(range, tile) + 1 > target->registers) break;
                /* 1% for each 16 accumulators: among equals, prefer the smaller code */
                const double cycles = range_cycles(target, range, tile) * (1 + (double)(v * o * i) / 1600);
                if (least >= 0 && cycles >= least) continue;
                least = cycles;
                best = (RegisterTile){v, o, i};
            }
    return best;
}

RegisterTile choose_register_tile(const Target *target, long vectors, long outer, long inner) {
    return choose_tile(target, &(TileRange){{vectors, outer, inner}, false, true});
}

RegisterTile choose_grad_tile(const Target *target, long vectors, long outer, long inner, bool of_vectors) {
    return choose_tile(target, &(TileRange){{vectors, outer, inner}, of_vectors, false});
}

RegisterTile tuned_tile(KernelChoice *choice, RegisterTile model, const ChoiceField field[3], const long range[3], bool inner_of_vectors) {
    const int registers = choice->target->registers;
    long *const size[3] = {&model.vectors, &model.outer, &model.inner};
    for (int d = 0; d < 3; d++) {
        if (field[d] == FIELDS) continue;
        /* registers: one for each sum, one for each vector, one for the broadcast value */
        const long v = model.vectors;
        const long room = d == TILE_VECTORS  ? (registers - 1) / 2
                          : d == TILE_OUTER  ? (registers - 1 - v) / v
                          : inner_of_vectors ? (registers - 1) / (v * (model.outer + 1))
                                             : (registers - 1 - v) / (v * model.outer);
        const Legal legal = {.most = maximum(1, minimum(range[d], room)), .registers = room < range[d] ? registers : 0};
        *size[d] = choose(choice, field[d], *size[d], legal);
    }
    return model;
}
