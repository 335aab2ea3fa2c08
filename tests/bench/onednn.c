/* onednn.c: times convolutions by oneDNN, one loop nest at a time, in the formats that it likes best: what it would take to reorder tensors
 * into them is not counted, and weights are as it wants them. Talks to convolutions.py: writes `ready` with oneDNN's version, then reads a
 * number of repeats a line and writes the milliseconds of each nest.
 *
 *     build/bench-files/onednn NEST,N,C,H,W,K,OH,OW,KERNEL_H,KERNEL_W,STRIDE_H,STRIDE_W,PADDING_H,PADDING_W …
 *
 * NEST is forward, data_grad or weight_grad of the convolution [N, C, H, W] → [N, K, OH, OW]; a transposed one's forward pass is a data
 * gradient. */
#include <oneapi/dnnl/dnnl.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if DNNL_VERSION_MAJOR != 2
#error "written for oneDNN 2, which Debian 12 has"
#endif

enum { MOST_NESTS = 1536, NUMBERS = 13 };

/* What a nest reads and writes: source, weights and destination, of which one is the result. */
typedef struct Nest {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t argument[3];
    const_dnnl_primitive_desc_t description;
} Nest;

static const struct {
    const char *name;
    dnnl_query_t query[3];
    int argument[3];
} kinds[] = {
    {"forward", {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md}, {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST}},
    {"data_grad",
     {dnnl_query_diff_src_md, dnnl_query_weights_md, dnnl_query_diff_dst_md},
     {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST}},
    {"weight_grad",
     {dnnl_query_src_md, dnnl_query_diff_weights_md, dnnl_query_diff_dst_md},
     {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST}},
};
enum { FORWARD, DATA_GRAD, WEIGHT_GRAD, KINDS };

static void must(dnnl_status_t status, const char *what) {
    if (status == dnnl_success) return;
    fprintf(stderr, "onednn: %s failed, with status %d\n", what, (int)status);
    exit(1);
}

static int read_nest(const char *text, int64_t number[NUMBERS]) {
    const char *comma = strchr(text, ',');
    for (int kind = 0; kind < KINDS && comma != NULL; kind++) {
        if (strlen(kinds[kind].name) != (size_t)(comma - text) || strncmp(kinds[kind].name, text, (size_t)(comma - text)) != 0) continue;
        for (int i = 0; i < NUMBERS; i++) {
            char *end;
            number[i] = *comma == ',' ? strtoll(comma + 1, &end, 10) : 0;
            if (*comma != ',' || end == comma + 1) break;
            comma = end;
            if (i == NUMBERS - 1 && *comma == '\0') return kind;
        }
        break;
    }
    fprintf(stderr, "onednn: '%s' is not NEST and %d numbers\n", text, NUMBERS);
    exit(2);
}

static void describe(Nest *nest, dnnl_engine_t engine, int kind, const int64_t n[NUMBERS]) {
    dnnl_memory_desc_t source, weights, destination;
    const dnnl_dims_t source_shape = {n[0], n[1], n[2], n[3]}, shape = {n[0], n[4], n[5], n[6]};
    const dnnl_dims_t weights_shape = {n[4], n[1], n[7], n[8]}, strides = {n[9], n[10]}, before = {n[11], n[12]};
    const dnnl_dims_t after = {(n[5] - 1) * n[9] + n[7] - n[11] - n[2], (n[6] - 1) * n[10] + n[8] - n[12] - n[3]};
    must(dnnl_memory_desc_init_by_tag(&source, 4, source_shape, dnnl_f32, dnnl_format_tag_any), "describing the input");
    must(dnnl_memory_desc_init_by_tag(&weights, 4, weights_shape, dnnl_f32, dnnl_format_tag_any), "describing the weights");
    must(dnnl_memory_desc_init_by_tag(&destination, 4, shape, dnnl_f32, dnnl_format_tag_any), "describing the output");
    dnnl_convolution_desc_t forward, wanted;
    dnnl_primitive_desc_t hint = NULL, description;
    must(dnnl_convolution_forward_desc_init(&forward, dnnl_forward_training, dnnl_convolution_auto, &source, &weights, NULL, &destination,
                                            strides, before, after),
         "describing the convolution");
    must(dnnl_primitive_desc_create(&hint, &forward, NULL, engine, NULL), "choosing a forward pass");
    if (kind == DATA_GRAD)
        must(dnnl_convolution_backward_data_desc_init(&wanted, dnnl_convolution_auto, &source, &weights, &destination, strides, before,
                                                      after),
             "describing the data gradient");
    if (kind == WEIGHT_GRAD)
        must(dnnl_convolution_backward_weights_desc_init(&wanted, dnnl_convolution_auto, &source, &weights, NULL, &destination, strides,
                                                         before, after),
             "describing the weight gradient");
    if (kind == FORWARD) description = hint;
    else must(dnnl_primitive_desc_create(&description, &wanted, NULL, engine, hint), "choosing a gradient");
    must(dnnl_primitive_create(&nest->primitive, description), "making a primitive");
    nest->description = description;
}

/* All nests share three buffers, each as large as the largest of its kind. */
static void give_memory(Nest nests[], const int kind[], int count, dnnl_engine_t engine) {
    for (int place = 0; place < 3; place++) {
        size_t most = 64;
        for (int i = 0; i < count; i++) {
            const size_t size =
                dnnl_memory_desc_get_size(dnnl_primitive_desc_query_md(nests[i].description, kinds[kind[i]].query[place], 0));
            most = size > most ? size : most;
        }
        float *buffer = aligned_alloc(64, (most + 63) / 64 * 64);
        if (buffer == NULL) {
            fprintf(stderr, "onednn: no memory for %zu bytes\n", most);
            exit(1);
        }
        for (size_t i = 0; i < most / sizeof(float); i++) buffer[i] = (float)(i % 1021) / 1021 - 0.5F;
        for (int i = 0; i < count; i++) {
            const dnnl_memory_desc_t *format = dnnl_primitive_desc_query_md(nests[i].description, kinds[kind[i]].query[place], 0);
            nests[i].argument[place].arg = kinds[kind[i]].argument[place];
            must(dnnl_memory_create(&nests[i].argument[place].memory, format, engine, buffer), "taking memory");
        }
    }
}

static double milliseconds(const Nest *nest, dnnl_stream_t stream, int repeats) {
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int i = 0; i < repeats; i++) must(dnnl_primitive_execute(nest->primitive, stream, 3, nest->argument), "a convolution");
    must(dnnl_stream_wait(stream), "waiting");
    clock_gettime(CLOCK_MONOTONIC, &end);
    return 1e3 * ((double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec)) / repeats;
}

int main(int count, char **text) {
    static Nest nests[MOST_NESTS];
    static int kind[MOST_NESTS];
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    if (count < 2 || count - 1 > MOST_NESTS) {
        fprintf(stderr, "usage: onednn NEST,N,C,H,W,K,OH,OW,KERNEL_H,KERNEL_W,STRIDE_H,STRIDE_W,PADDING_H,PADDING_W …\n");
        return 2;
    }
    must(dnnl_engine_create(&engine, dnnl_cpu, 0), "an engine");
    must(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "a stream");
    for (int i = 0; i < count - 1; i++) {
        int64_t number[NUMBERS];
        kind[i] = read_nest(text[i + 1], number);
        describe(&nests[i], engine, kind[i], number);
    }
    give_memory(nests, kind, count - 1, engine);
    for (int i = 0; i < count - 1; i++) milliseconds(&nests[i], stream, 1);
    const dnnl_version_t *version = dnnl_version();
    printf("ready %d.%d.%d\n", version->major, version->minor, version->patch);
    fflush(stdout);
    for (int repeats; scanf("%d", &repeats) == 1 && repeats > 0;) {
        for (int i = 0; i < count - 1; i++) printf("%.4f%s", milliseconds(&nests[i], stream, repeats), i < count - 2 ? " " : "\n");
        fflush(stdout);
    }
    return 0;
}
