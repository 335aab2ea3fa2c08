/* system.c: from the tree of a spec of version 2 to the System, section by section. */
#include "spec/system_internal.h"

static bool read_noises(Builder *builder) {
    System *system = builder->system;
    const SpecNode **entries = NULL;
    const int before = builder->errors->count, count = named_entries(builder->errors, "noise", "a noise", builder->draft.noise, &entries);
    system->noises = NEW_ARRAY(Noise, count + 1);
    system->noise_count = count;
    for (int i = 0; i < count; i++) {
        NoiseDraft draft = {0};
        claim_name(builder, NAME_NOISE, i, entries[i]->key);
        read_section(builder->reading, SECTION_NOISE, entries[i]->key, entries[i], &draft);
        Noise *noise = &system->noises[i];
        const int *size = draft.noise.written.size, rank = draft.noise.written.rank;
        *noise = draft.noise;
        noise->name = entries[i]->key->text;
        noise->uniform = draft.distribution == 1;
        noise->shape =
            rank == 4 ? (Shape){size[0], size[1], size[2], size[3]} : (Shape){size[0], 1, rank == 3 ? size[1] : 1, rank == 3 ? size[2] : 1};
        const SpecNode *range = find_child(entries[i], "range");
        if (noise->uniform && range && range->kind == NODE_LIST && !(noise->low < noise->high) && builder->errors->count == before)
            spec_error(builder->errors, range->mark, range->width, "write the smaller number first", "`range` is empty");
    }
    return builder->errors->count == before;
}

/* The shape of x and all names are known; what follows from them. */
static void read_parts(Builder *builder) {
    read_values(builder);
    read_losses(builder);
    read_outputs(builder);
    read_steps(builder);
    read_optimizers(builder);
    read_score(builder);
    read_search(builder);
    if (builder->errors->count) return;
    check_sizes(builder);
    check_needs(builder);
    if (!builder->errors->count) check_gradients(builder);
}

void read_system(Reading *reading, const SpecNode *root) {
    Spec *spec = reading->spec;
    Builder builder = {.reading = reading, .errors = reading->errors, .spec = spec, .system = NEW(System)};
    SystemDraft *draft = &builder.draft;
    spec->system = builder.system;
    read_section(reading, SECTION_SYSTEM, NULL, root, draft);
    spec->name = draft->name;
    spec->precision = draft->precision;
    builder.system->average = draft->average;
    const int before = reading->errors->count;
    if (draft->input) spec->input_mark = draft->input->key->mark;
    if (draft->training) spec->training_mark = draft->training->key->mark;
    if (draft->input) read_section(reading, SECTION_CLIP, draft->input->key, draft->input, spec);
    read_section(reading, SECTION_TRAINING, draft->training ? draft->training->key : NULL, draft->training, spec);
    read_initial(&builder);
    bool known = draft->input && reading->errors->count == before;
    add_name(&builder, NAME_DATA, 0, "x", (Mark){0, 0});
    claim_functions(&builder);
    known &= read_noises(&builder);
    read_networks(&builder);
    if (known && spec->training.batch) read_parts(&builder);
    if (reading->errors->count) return;
    spec->canonical = write_system(&builder);
}
