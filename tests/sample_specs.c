/* Specs for single passes, and what each one contains. */
#include "sample_graphs.h"

const Spec *pairs_spec(void) {
    static Layer encoder[] = {{false, 20, {3, 3}, {1, 1}, {1, 1}, {0, 0}, false, NORM_BATCH, ACTIVATION_RELU, 0, {0, 0}},
                              {false, 40, {3, 2}, {2, 1}, {1, 0}, {0, 0}, true, NORM_NONE, ACTIVATION_LEAKY_RELU, 0.1, {0, 0}},
                              {false, 48, {5, 5}, {1, 2}, {2, 2}, {0, 0}, false, NORM_BATCH, ACTIVATION_SIGMOID, 0, {0, 0}}};
    static Layer decoder[] = {{true, 33, {2, 4}, {1, 2}, {0, 1}, {0, 0}, false, NORM_BATCH, ACTIVATION_RELU, 0, {0, 0}},
                              {true, 64, {1, 1}, {2, 1}, {0, 0}, {1, 0}, true, NORM_NONE, ACTIVATION_TANH, 0, {0, 0}},
                              {false, 7, {3, 1}, {1, 1}, {0, 0}, {0, 0}, false, NORM_BATCH, ACTIVATION_RELU, 0, {0, 0}},
                              {false, 1, {1, 1}, {1, 1}, {0, 0}, {0, 0}, true, NORM_NONE, ACTIVATION_TANH, 0, {0, 0}}};
    static const Spec spec = {.name = "pairs",
                              .T = 3,
                              .channels = 1,
                              .height = 8,
                              .width = 16,
                              .training.batch = 1,
                              .encoder_count = 3,
                              .encoder = encoder,
                              .decoder_count = 4,
                              .decoder = decoder,
                              .precision = COMPUTE_BF16};
    return &spec;
}

/* Strides of 1 and 2 and both, in both directions, channels that are not whole vectors, and a number T · batch of
 * images that no register tile divides. */
const Spec *filtered_spec(void) {
    static Layer encoder[] = {{false, 16, {3, 3}, {1, 1}, {1, 1}, {0, 0}, false, NORM_BATCH, ACTIVATION_RELU, 0, {0, 0}},
                              {false, 24, {3, 3}, {2, 2}, {1, 1}, {0, 0}, true, NORM_NONE, ACTIVATION_LEAKY_RELU, 0.1, {0, 0}},
                              {false, 32, {3, 3}, {2, 1}, {1, 1}, {0, 0}, false, NORM_BATCH, ACTIVATION_RELU, 0, {0, 0}}};
    static Layer decoder[] = {{true, 16, {3, 3}, {2, 1}, {1, 1}, {1, 0}, false, NORM_BATCH, ACTIVATION_RELU, 0, {0, 0}},
                              {true, 32, {3, 3}, {2, 2}, {1, 1}, {1, 1}, true, NORM_NONE, ACTIVATION_SIGMOID, 0, {0, 0}},
                              {true, 16, {3, 3}, {1, 1}, {0, 2}, {0, 0}, false, NORM_BATCH, ACTIVATION_RELU, 0, {0, 0}},
                              {false, 1, {3, 3}, {1, 1}, {0, 2}, {0, 0}, false, NORM_NONE, ACTIVATION_TANH, 0, {0, 0}}};
    static const Spec spec = {.name = "filtered",
                              .T = 3,
                              .channels = 1,
                              .height = 8,
                              .width = 16,
                              .training.batch = 1,
                              .encoder_count = 3,
                              .encoder = encoder,
                              .decoder_count = 4,
                              .decoder = decoder};
    return &spec;
}

/* So wide that a row of tiles is split into several items. */
const Spec *wide_spec(void) {
    static Layer encoder[] = {{false, 8, {3, 3}, {1, 1}, {1, 1}, {0, 0}, true, NORM_NONE, ACTIVATION_RELU, 0, {0, 0}},
                              {false, 8, {3, 3}, {1, 1}, {1, 1}, {0, 0}, true, NORM_NONE, ACTIVATION_RELU, 0, {0, 0}}};
    static Layer decoder[] = {{true, 8, {3, 3}, {1, 1}, {1, 1}, {0, 0}, true, NORM_NONE, ACTIVATION_RELU, 0, {0, 0}},
                              {false, 1, {3, 3}, {1, 1}, {1, 1}, {0, 0}, true, NORM_NONE, ACTIVATION_TANH, 0, {0, 0}}};
    static const Spec spec = {.name = "wide",
                              .T = 1,
                              .channels = 1,
                              .height = 4,
                              .width = 264,
                              .training.batch = 1,
                              .encoder_count = 2,
                              .encoder = encoder,
                              .decoder_count = 2,
                              .decoder = decoder};
    return &spec;
}

/* Rows that the rows of an iteration do not divide, several tiles to a row, phases of different sizes, and biases. */
const Spec *summed_spec(void) {
    static Layer encoder[] = {{false, 19, {3, 3}, {1, 1}, {1, 1}, {0, 0}, true, NORM_BATCH, ACTIVATION_LEAKY_RELU, 0.1, {0, 0}},
                              {false, 16, {4, 3}, {2, 2}, {1, 1}, {0, 0}, true, NORM_BATCH, ACTIVATION_SIGMOID, 0, {0, 0}},
                              {false, 24, {3, 3}, {1, 1}, {1, 1}, {0, 0}, true, NORM_NONE, ACTIVATION_NONE, 0, {0, 0}}};
    static Layer decoder[] = {{true, 16, {3, 2}, {2, 2}, {1, 0}, {1, 0}, false, NORM_BATCH, ACTIVATION_RELU, 0, {0, 0}},
                              {false, 1, {3, 3}, {1, 1}, {1, 1}, {0, 0}, true, NORM_NONE, ACTIVATION_TANH, 0, {0, 0}}};
    static const Spec spec = {.name = "summed",
                              .T = 1,
                              .channels = 1,
                              .height = 6,
                              .width = 72,
                              .training.batch = 2,
                              .encoder_count = 3,
                              .encoder = encoder,
                              .decoder_count = 2,
                              .decoder = decoder};
    return &spec;
}

/* Linear layers from and to many features: long rows, in images that are not whole blocks of channels. */
const Spec *many_features_spec(void) {
    static Layer encoder[] = {{false, 18, {1, 1}, {1, 1}, {0, 0}, {0, 0}, true, NORM_NONE, ACTIVATION_RELU, 0, {0, 0}}};
    static Layer decoder[] = {{false, 1, {1, 1}, {1, 1}, {0, 0}, {0, 0}, true, NORM_NONE, ACTIVATION_TANH, 0, {0, 0}}};
    static const Spec spec = {.name = "many_features",
                              .T = 1,
                              .channels = 1,
                              .height = 9,
                              .width = 170,
                              .training.batch = 1,
                              .encoder_count = 1,
                              .encoder = encoder,
                              .latent = 5,
                              .decoder_count = 1,
                              .decoder = decoder};
    return &spec;
}

/* Linear layers whose weights have their lanes along 4,576 features for both products. 0: outputs that are not whole vectors; 1: more
 * rows than are taken at once; 2: more outputs. */
const Spec *both_products_spec(int i) {
    static Layer encoder[] = {{false, 32, {1, 1}, {1, 1}, {0, 0}, {0, 0}, false, NORM_BATCH, ACTIVATION_RELU, 0, {0, 0}}};
    static Layer decoder[] = {{false, 1, {1, 1}, {1, 1}, {0, 0}, {0, 0}, true, NORM_NONE, ACTIVATION_TANH, 0, {0, 0}}};
    static Spec spec[3];
    static const int rows[3][3] = {{3, 2, 20}, {34, 1, 8}, {1, 1, 130}}; /* batch, T, latent */
    spec[i] = (Spec){.name = "both_products",
                     .T = rows[i][1],
                     .channels = 1,
                     .height = 11,
                     .width = 13,
                     .training.batch = rows[i][0],
                     .encoder_count = 1,
                     .encoder = encoder,
                     .latent = rows[i][2],
                     .decoder_count = 1,
                     .decoder = decoder};
    return &spec[i];
}

/* A last layer that reads 21 channels, which are not whole vectors: a convolution to one channel, or a transposed one to three. */
const Spec *ragged_end_spec(bool transposed) {
    static Layer encoder[2][1], decoder[2][1];
    static Spec spec[2];
    const int i = transposed, stride = transposed ? 2 : 1;
    encoder[i][0] = (Layer){false, 21, {3, 3}, {stride, stride}, {1, 1}, {0, 0}, false, NORM_BATCH, ACTIVATION_RELU, 0, {0, 0}};
    decoder[i][0] =
        (Layer){transposed, transposed ? 3 : 1, {3, 3}, {stride, stride}, {1, 1}, {i, i}, true, NORM_NONE, ACTIVATION_TANH, 0, {0, 0}};
    spec[i] = (Spec){.name = "ragged_end",
                     .T = 1,
                     .channels = transposed ? 3 : 1,
                     .height = 10,
                     .width = 36,
                     .training.batch = 2,
                     .encoder_count = 1,
                     .encoder = encoder[i],
                     .latent = 5,
                     .decoder_count = 1,
                     .decoder = decoder[i]};
    return &spec[i];
}

/* Convolutions of 3, 5 and 9 vectors of 16 channels. The last vector is not full. */
const Spec *odd_vectors_spec(void) {
    static Layer encoder[] = {{false, 36, {3, 3}, {1, 1}, {1, 1}, {0, 0}, false, NORM_BATCH, ACTIVATION_RELU, 0, {0, 0}},
                              {false, 72, {3, 3}, {2, 2}, {1, 1}, {0, 0}, false, NORM_BATCH, ACTIVATION_RELU, 0, {0, 0}},
                              {false, 144, {3, 3}, {2, 2}, {1, 1}, {0, 0}, false, NORM_BATCH, ACTIVATION_RELU, 0, {0, 0}}};
    static Layer decoder[] = {{true, 72, {3, 3}, {2, 2}, {1, 1}, {1, 1}, false, NORM_BATCH, ACTIVATION_RELU, 0, {0, 0}},
                              {true, 36, {3, 3}, {2, 2}, {1, 1}, {1, 1}, false, NORM_BATCH, ACTIVATION_RELU, 0, {0, 0}},
                              {false, 1, {3, 3}, {1, 1}, {1, 1}, {0, 0}, true, NORM_NONE, ACTIVATION_TANH, 0, {0, 0}}};
    static const Spec spec = {.name = "odd_vectors",
                              .T = 1,
                              .channels = 1,
                              .height = 8,
                              .width = 16,
                              .training.batch = 2,
                              .encoder_count = 3,
                              .encoder = encoder,
                              .decoder_count = 3,
                              .decoder = decoder};
    return &spec;
}
