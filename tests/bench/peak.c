/* peak.c: prints what runtime/machine/peak.c measures of this machine, as one JSON object.
 *
 *     build/bench-files/peak [MOST_THREADS] */
#include "machine/peak.h"

#include <stdio.h>
#include <stdlib.h>

int main(int count, char **arguments) {
    static const char *const targets[] = {"avx512_bf16", "avx512", "avx2", "generic"};
    int most = count > 1 ? atoi(arguments[1]) : 2;
    if (most < 1 || most > 1024) {
        fprintf(stderr, "usage: peak [MOST_THREADS]; MOST_THREADS from 1 to 1024\n");
        return 2;
    }
    printf("{");
    for (int i = 0; i < 4; i++) {
        if (!peak_known(targets[i])) continue;
        printf("\"%s_gflops\": [", targets[i]);
        for (int threads = 1; threads <= most; threads++) printf("%s%.1f", threads > 1 ? ", " : "", 1e-9 * peak_flops(targets[i], threads));
        printf("], ");
    }
    printf("\"read_gbytes\": [");
    for (int threads = 1; threads <= most; threads++) printf("%s%.1f", threads > 1 ? ", " : "", 1e-9 * peak_bandwidth(threads));
    printf("]}\n");
    return 0;
}
