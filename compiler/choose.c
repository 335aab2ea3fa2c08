/* choose: the cost model of register tiles. Its constants are the target's (target.c), never this machine's. */
#include "lower.h"

/* Cycles for one step of the sum on a tile: multiply-adds, loads and broadcasts overlap; a chain of multiply-adds on one accumulator
 * takes the latency. */
static double tile_cycles(const Target *target, long vectors, long outer, long inner) {
    double sums = (double)(vectors * outer * inner);
    double arithmetic = sums / target->multiply_adds;
    double memory = (double)vectors / target->loads + (double)(outer * inner) / target->broadcasts;
    double cycles = arithmetic > memory ? arithmetic : memory;
    return cycles > target->latency ? cycles : target->latency;
}

/* Over the whole range: full tiles and what is left of each variable. */
static double range_cycles(const Target *target, const RegisterTile *tile, long vectors, long outer, long inner) {
    double cycles = 0;
    const long range[3] = {vectors, outer, inner}, size[3] = {tile->vectors, tile->outer, tile->inner};
    for (int corner = 0; corner < 8; corner++) {
        double times = 1;
        long extent[3];
        for (int d = 0; d < 3; d++) {
            bool rest = corner >> d & 1;
            extent[d] = rest ? range[d] % size[d] : size[d];
            times *= (double)(rest ? extent[d] != 0 : range[d] / size[d]);
        }
        if (times > 0) cycles += times * tile_cycles(target, extent[0], extent[1], extent[2]);
    }
    return cycles;
}

RegisterTile choose_register_tile(const Target *target, long vectors, long outer, long inner) {
    RegisterTile best = {1, 1, 1};
    double least = -1;
    for (long v = 1; v <= minimum(vectors, 4); v++)
        for (long o = 1; o <= minimum(outer, 8); o++)
            for (long i = 1; i <= minimum(inner, 16); i++) {
                if (v * o * i + v + 1 > target->registers) break;
                RegisterTile tile = {v, o, i};
                /* 1% for each 32 accumulators: of equals the smaller code */
                double cycles = range_cycles(target, &tile, vectors, outer, inner) * (1 + (double)(v * o * i) / 3200);
                if (least >= 0 && cycles >= least) continue;
                least = cycles;
                best = tile;
            }
    return best;
}
