/* sample_systems.h: the small systems of tests/fixtures/systems/, and their graphs. */
#ifndef ZOETROPE_SAMPLE_SYSTEMS_H
#define ZOETROPE_SAMPLE_SYSTEMS_H

#include "../compiler/graph/spec_model.h"
#include "../compiler/lower/program.h"
#include "../compiler/spec/system.h"

#define SAMPLE_SYSTEM_NAMES                                                                                                                \
    "norm_then_clip", "search_of_five", "searched_critic", "mean_of_reshape", "vae", "anogan", "efficient_gan", "vae_gan", "clip_latent",  \
        "image_ae", "nested", "recurrent_join", "frames_ahead", "every_loss", "layers_alone", "clips_reshaped", "steps", "vectors",        \
        "dead_tails", "skips", "one_frame"
enum { SAMPLE_SYSTEMS = 21 };
extern const char *const sample_system_names[SAMPLE_SYSTEMS];

const Spec *sample_system(int number);
const Spec *system_named(const char *name); /* of those */
/* Of a spec: the steps with their gradients, and the evaluation. */
TrainerGraphs graphs_of(const Spec *spec);
int graph_count(const TrainerGraphs *graphs); /* the steps, then the evaluation, then, where there is one, the search */
Graph *graph_number(const TrainerGraphs *graphs, int number);
const Program *program_of_graph(const TargetCode *code, const TrainerGraphs *graphs, int number);

/* Values for evaluate_graph, of usual sizes: a weight's by its inputs, a norm's near 1. */
double **system_values(const Graph *graph, uint64_t seed);

#endif
