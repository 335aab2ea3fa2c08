/* system_networks.c: the networks' layers: keys, defaults, what they read, and their modules' numbers. */
#include "spec/system_internal.h"

#include <string.h>

typedef struct LayerReader {
    Builder *builder;
    Network *network;
    NetworkDraft *draft;
    Named *names; /* of inputs (kind: SOURCE_INPUT …), layers and taps; index as in a Source */
    int name_count, name_capacity;
    bool *has_default; /* by number of a child of `defaults`: some layer with a product has the key */
} LayerReader;

/* ---- names in a network ---- */

static const Named *find_source(const LayerReader *reader, const char *name) {
    for (int i = 0; i < reader->name_count; i++)
        if (!strcmp(reader->names[i].name, name)) return &reader->names[i];
    return NULL;
}

static void add_source(LayerReader *reader, const char *name, Mark mark, int width, Source source) {
    const Named *taken = find_source(reader, name);
    if (taken) {
        spec_error(reader->builder->errors, mark, width,
                   "inputs, names and taps of a network are told apart by their names: choose another",
                   "the name '%s' is taken in `%s`, in line %d", shown(name), reader->network->name, taken->mark.line);
        reader->draft->broken = true;
        return;
    }
    MAKE_ROOM(reader->names, reader->name_count, reader->name_capacity);
    reader->names[reader->name_count++] = (Named){name, (NameKind)source.kind, source.index, mark};
}

static const char **source_names(const LayerReader *reader) {
    const char **names = NEW_ARRAY(const char *, reader->name_count + 1);
    for (int i = 0; i < reader->name_count; i++) names[i] = reader->names[i].name;
    return names;
}

bool find_result(const Network *network, const char *name, Source *source) {
    for (int i = 0; i < network->layer_count; i++) {
        const NetworkLayer *layer = &network->layers[i];
        if (layer->name && !strcmp(layer->name, name)) return *source = (Source){SOURCE_LAYER, i}, true;
        if (layer->tap && !strcmp(layer->tap, name)) return *source = (Source){SOURCE_TAP, i}, true;
    }
    return false;
}

const char **result_names(const Network *network) {
    const char **names = NEW_ARRAY(const char *, 2 * network->layer_count + 1);
    int count = 0;
    for (int i = 0; i < network->layer_count; i++) {
        if (network->layers[i].name) names[count++] = network->layers[i].name;
        if (network->layers[i].tap) names[count++] = network->layers[i].tap;
    }
    return names;
}

/* ---- what a layer reads ---- */

static bool read_source(LayerReader *reader, const SpecNode *node, Source *source) {
    const int found = find_among(reader->builder->errors, node, "input, name or tap above", source_names(reader));
    if (found >= 0) *source = (Source){(SourceKind)reader->names[found].kind, reader->names[found].index};
    return found >= 0;
}

static bool read_from(LayerReader *reader, NetworkLayer *layer, int index, const SpecNode *from, const SpecNode *word) {
    SpecErrors *errors = reader->builder->errors;
    const bool several = layer->kind == LAYER_CONCAT || layer->kind == LAYER_ADD;
    const int count = several && from && from->kind == NODE_LIST ? from->count : 1;
    if (from && from->kind == NODE_REFUSED) return false;
    if (several && (!from || from->kind != NODE_LIST || count < 2 || count > SYSTEM_ENTRIES)) {
        const SpecNode *place = from ? from : word;
        spec_error(errors, place->mark, place->width, "write such as `from: [a, b]`: inputs of the network, or a `name` or `tap` above",
                   "`%s` reads a list of two or more, not %s", layer_kind_names[layer->kind], from ? given(from) : "nothing");
        return false;
    }
    layer->from_count = count;
    layer->from = NEW_ARRAY(Source, count);
    if (!from) layer->from[0] = index ? (Source){SOURCE_LAYER, index - 1} : (Source){SOURCE_INPUT, 0};
    if (!several) return !from || read_source(reader, from, &layer->from[0]);
    bool read = true;
    int i = 0;
    for (const SpecNode *item = from->first; item; item = item->next) read &= read_source(reader, item, &layer->from[i++]);
    return read;
}

/* ---- one layer ---- */

static void check_linear(SpecErrors *errors, LayerDraft *draft, const SpecNode *word) {
    NetworkLayer *layer = &draft->layer;
    const bool shape = layer->written.rank > 0;
    layer->channels = shape ? layer->written.size[0] : draft->features;
    if (shape == (draft->features > 0))
        spec_error(errors, word->mark, word->width, "write `features: 128`, or `shape: [256, 4, 4]`", "`linear` has %s",
                   shape ? "`features` and `shape`: it needs one of them" : "neither `features` nor `shape`");
}

static void complete_pool(SpecErrors *errors, NetworkLayer *layer, const SpecNode *map) {
    const SpecNode *place = find_child(map, "padding");
    for (int axis = 0; axis < 3; axis++)
        if (!layer->stride[axis]) layer->stride[axis] = layer->kernel[axis];
    for (int axis = 0; axis < 3; axis++) {
        if (layer->padding[axis] <= layer->kernel[axis] / 2) continue;
        spec_error(errors, place->mark, place->width, "make it smaller", "`padding` %d is more than half of `kernel` %d",
                   layer->padding[axis], layer->kernel[axis]);
        return;
    }
}

static void complete_layer(LayerReader *reader, LayerDraft *draft, const SpecNode *map) {
    NetworkLayer *layer = &draft->layer;
    SpecErrors *errors = reader->builder->errors;
    if (layer->kind == LAYER_LINEAR) check_linear(errors, draft, map->key);
    if (layer->kind == LAYER_CONV_LSTM) {
        layer->kernel[2] = layer->kernel[1];
        layer->padding[1] = layer->padding[2] = layer->kernel[1] / 2;
    }
    if (is_pool(layer->kind)) complete_pool(errors, layer, map);
    if (is_transposed(layer->kind)) check_output_padding(errors, map, 3, layer->output_padding, layer->stride);
}

static void number_modules(Network *network, NetworkLayer *layer) {
    const bool product = has_product(layer->kind);
    int *next = &network->module_count;
    layer->own_module = layer->kind < LAYER_NORM ? (*next)++ : -1;
    layer->norm_module = layer->kind == LAYER_NORM || (product && layer->norm != NORM_NONE) ? (*next)++ : -1;
    layer->activation_module = layer->kind == LAYER_ACTIVATION || (product && layer->activation != ACTIVATION_NONE) ? (*next)++ : -1;
    layer->dropout_module = layer->kind == LAYER_DROPOUT || (product && layer->dropout > 0) ? (*next)++ : -1;
}

/* `- dropout: 0.5` and the like, as the maps that they are short for. */
static const SpecNode *long_form(const SpecNode *node, LayerKind kind) {
    const bool short_form =
        kind == LAYER_RESHAPE ? node->kind == NODE_LIST : kind >= LAYER_NORM && node->kind == NODE_SCALAR && node->text[0];
    if (!short_form) return node;
    SpecNode *map = NEW(SpecNode), *child = NEW(SpecNode), *key = NEW(SpecNode);
    *child = *node;
    *map = *node;
    *key = (SpecNode){.kind = NODE_SCALAR, .mark = node->mark, .width = node->width};
    key->text = kind == LAYER_RESHAPE ? "to" : kind == LAYER_DROPOUT ? "p" : "kind";
    child->key = key;
    child->next = NULL;
    map->kind = NODE_MAP;
    map->first = child;
    map->count = 1;
    return map;
}

/* Which of the defaults the layer has a key for. */
static void note_defaults(LayerReader *reader, const LayerDraft *draft) {
    int number = 0;
    for (const SpecNode *child = reader->draft->defaults ? reader->draft->defaults->first : NULL; child; child = child->next, number++)
        for (const Key *key = next_key(SECTION_NETWORK_LAYER, NULL); key && child->key->kind == NODE_SCALAR;
             key = next_key(key->section, key))
            if (!strcmp(key->name, child->key->text) && (key->kinds >> draft->layer.kind & 1)) reader->has_default[number] = true;
}

static bool read_layer(LayerReader *reader, const SpecNode *item, int index) {
    static const char legal[] = "a kind, such as `conv` or `linear`,";
    Builder *builder = reader->builder;
    const int before = builder->errors->count;
    NetworkLayer *layer = &reader->network->layers[index];
    LayerDraft draft = {.layer = {.kernel = {1, 1, 1}, .stride = {1, 1, 1}}};
    int kind;
    const SpecNode *map = read_layer_kind(builder->reading, item, layer_kind_names, legal, &kind);
    if (!map) return false;
    map = long_form(map, (LayerKind)kind);
    draft.layer.kind = (LayerKind)kind;
    draft.layer.mark = map->key->mark;
    draft.layer.width = map->key->width;
    if (is_pool(draft.layer.kind)) memset(draft.layer.stride, 0, sizeof draft.layer.stride); /* until its kernel is read */
    if (has_product(draft.layer.kind)) {
        builder->reading->defaults = reader->draft->defaults;
        note_defaults(reader, &draft);
    }
    const bool read = read_section(builder->reading, SECTION_NETWORK_LAYER, map->key, map, &draft);
    builder->reading->defaults = NULL;
    if (read) complete_layer(reader, &draft, map);
    const bool found = read_from(reader, &draft.layer, index, draft.from, map->key);
    *layer = draft.layer;
    number_modules(reader->network, layer);
    for (int tap = 0; tap < 2; tap++) {
        const char *name = tap ? layer->tap : layer->name;
        const SpecNode *place = name ? find_child(map, tap ? "tap" : "name") : NULL;
        if (place) add_source(reader, name, place->mark, place->width, (Source){tap ? SOURCE_TAP : SOURCE_LAYER, index});
    }
    return found && builder->errors->count == before;
}

/* ---- one network ---- */

#define PRODUCT_KINDS ((2u << LAYER_LINEAR) - 1)

/* Keys of layers with a product that `defaults` can have. */
static const char *const *default_keys(void) {
    const char **names = NEW_ARRAY(const char *, system_key_count + 1);
    int count = 0;
    for (const Key *row = next_key(SECTION_NETWORK_LAYER, NULL); row; row = next_key(row->section, row))
        if (row->kinds & PRODUCT_KINDS && row->type != KEY_WORD) names[count++] = row->name;
    return names;
}

static bool is_default_key(const char *text) {
    for (const char *const *name = default_keys(); *name; name++)
        if (!strcmp(*name, text)) return true;
    return false;
}

/* What is wrong with a key of `defaults`, if anything, is reported. `number` counts the section's keys. */
static bool check_default_key(const LayerReader *reader, const SpecNode *child, int number) {
    SpecErrors *errors = reader->builder->errors;
    const SpecNode *key = child->key;
    const bool word = key->kind == NODE_SCALAR;
    const SpecNode *first = word && number < 64 ? find_child(reader->draft->defaults, key->text) : child;
    if (first != child) {
        report_repeated(errors, key, key->text, first->key);
        return false;
    }
    if (word && (!strcmp(key->text, "from") || !strcmp(key->text, "name") || !strcmp(key->text, "tap"))) {
        spec_error(errors, key->mark, key->width, "write it in the layer", "`defaults` cannot have `%s`: it is of one layer", key->text);
        return false;
    }
    /* Where a layer could not be read, it may have been the one that has the key. */
    if (word && (reader->has_default[number] || (reader->draft->broken && is_default_key(key->text)))) return true;
    const char *near = word ? nearest_name(usual_name(key->text), default_keys()) : NULL;
    spec_error(errors, key->mark, key->width, near && strcmp(near, key->text) != 0 ? format("did you mean `%s`?", near) : "remove it",
               "`defaults` has %s, a key that no layer with a product here has", given(key));
    return false;
}

/* A default is read even where no layer needs it, so that a mistake in it does not wait. */
static void check_defaults(const LayerReader *reader) {
    int number = 0;
    LayerDraft scratch = {.layer = {.kind = LAYER_KINDS}};
    for (SpecNode *child = reader->draft->defaults->first; child; child = child->next, number++) {
        if (child->key->kind == NODE_REFUSED || !check_default_key(reader, child, number)) continue;
        for (const Key *row = next_key(SECTION_NETWORK_LAYER, NULL); row; row = next_key(row->section, row)) {
            const bool meant = !strcmp(row->name, child->key->text) && (row->kinds & PRODUCT_KINDS);
            /* [1, 1] and [1, 1, 1] are of 2-D and of 3-D layers: what is meant is known to the layer alone, which has read it. */
            const bool sizes = (row->type == KEY_PAIR || row->type == KEY_TRIPLE) && child->kind == NODE_LIST;
            if (meant && !sizes && !read_value(reader->builder->errors, row, child, &scratch)) child->kind = NODE_REFUSED;
        }
    }
}

static bool read_inputs(LayerReader *reader) {
    static const char *const remedy = "write such as `inputs: [image, latent]`";
    const SpecNode *list = reader->draft->inputs;
    Network *network = reader->network;
    SpecErrors *errors = reader->builder->errors;
    const int before = errors->count;
    if (list && (list->kind != NODE_LIST || !list->count || list->count > SYSTEM_ENTRIES)) {
        spec_error(errors, list->mark, list->width, remedy, "`inputs` is a list of one or more names, not %s", given(list));
        return false;
    }
    network->input_count = list ? list->count : 1;
    network->inputs = NEW_ARRAY(NetworkInput, network->input_count);
    if (!list) {
        network->inputs[0] = (NetworkInput){.name = "x", .mark = network->mark};
        add_source(reader, "x", network->mark, 1, (Source){SOURCE_INPUT, 0});
        return true;
    }
    int i = 0;
    for (const SpecNode *item = list->first; item; item = item->next, i++) {
        const char *problem = item->kind == NODE_SCALAR ? identifier_problem(item->text) : "it is no word";
        network->inputs[i] = (NetworkInput){.name = item->text, .mark = item->mark};
        if (problem) spec_error(errors, item->mark, item->width, remedy, "%s cannot name an input: %s", given(item), problem);
        else add_source(reader, item->text, item->mark, item->width, (Source){SOURCE_INPUT, i});
    }
    return errors->count == before;
}

static void read_own_layers(Builder *builder, Network *network, NetworkDraft *draft) {
    LayerReader reader = {.builder = builder, .network = network, .draft = draft};
    const SpecNode *list = draft->layers;
    if (draft->defaults && draft->defaults->kind != NODE_MAP) {
        if (draft->defaults->kind != NODE_REFUSED)
            spec_error(builder->errors, draft->defaults->mark, draft->defaults->width, "write such as `defaults: {kernel: 3, stride: 2}`",
                       "`defaults` is a section of keys, not %s", given(draft->defaults));
        draft->defaults = NULL;
        draft->broken = true;
    }
    if (!read_inputs(&reader)) draft->broken = true;
    if (!list || list->kind != NODE_LIST || !list->count || list->count > SPEC_LAYERS) {
        const SpecNode *place = list ? list : draft->key;
        if (list ? list->kind != NODE_REFUSED : !draft->broken)
            spec_error(builder->errors, place->mark, place->width, "each layer starts with a dash: `- conv: {channels: 32, kernel: 3}`",
                       list ? "`layers` is a list of 1 to %d layers, not %s" : "the network has no `layers` (1 to %d)%s", SPEC_LAYERS,
                       list ? given(list) : "");
        draft->broken = true;
        return;
    }
    network->layers = NEW_ARRAY(NetworkLayer, list->count);
    reader.has_default = NEW_ARRAY(bool, draft->defaults ? draft->defaults->count + 1 : 1);
    for (const SpecNode *item = list->first; item; item = item->next) {
        if (!read_layer(&reader, item, network->layer_count)) draft->broken = true;
        network->layer_count++;
    }
    if (draft->defaults) check_defaults(&reader);
}

static void read_network(Builder *builder, int index);

static void read_like(Builder *builder, Network *network, NetworkDraft *draft) {
    SpecErrors *errors = builder->errors;
    const SpecNode *like = draft->like;
    if (draft->inputs || draft->layers || draft->defaults) {
        spec_error(errors, like->key->mark, like->key->width, "remove them, or write the network out",
                   "beside `like` stands nothing but `frozen`: inputs, defaults and layers are the other network's");
        draft->broken = true;
    }
    const int other = find_among(errors, like, "network", network_names(builder));
    if (other < 0) draft->broken = true;
    else if (builder->networks[other].reading) {
        spec_error(errors, like->mark, like->width, "write the layers of one of them", "`%s` is like itself", network->name);
        draft->broken = true;
    } else {
        read_network(builder, other);
        const Network *model = &builder->system->networks[other];
        network->like = other;
        network->input_count = model->input_count;
        network->inputs = NEW_ARRAY(NetworkInput, model->input_count);
        network->layer_count = model->layer_count;
        network->layers = NEW_ARRAY(NetworkLayer, model->layer_count);
        if (model->inputs) memcpy(network->inputs, model->inputs, sizeof *model->inputs * (size_t)model->input_count);
        if (model->layers) memcpy(network->layers, model->layers, sizeof *model->layers * (size_t)model->layer_count);
        network->module_count = model->module_count;
        draft->broken |= builder->networks[other].broken;
    }
}

static void read_network(Builder *builder, int index) {
    Network *network = &builder->system->networks[index];
    NetworkDraft *draft = &builder->networks[index];
    if (draft->read) return;
    draft->read = draft->reading = true;
    if (draft->body->kind == NODE_LIST) draft->layers = draft->body;
    else if (!read_section(builder->reading, SECTION_NETWORK, draft->key, draft->body, draft)) draft->broken = true;
    network->frozen = draft->frozen;
    if (draft->like) read_like(builder, network, draft);
    else if (draft->body->kind == NODE_LIST || draft->body->kind == NODE_MAP) read_own_layers(builder, network, draft);
    draft->reading = false;
}

void read_networks(Builder *builder) {
    System *system = builder->system;
    const SpecNode **entries = NULL;
    const int count = named_entries(builder->errors, "networks", "a network", builder->draft.networks, &entries);
    system->network_count = count;
    system->networks = NEW_ARRAY(Network, count + 1);
    builder->networks = NEW_ARRAY(NetworkDraft, count + 1);
    for (int i = 0; i < count; i++) {
        const SpecNode *key = entries[i]->key;
        const char *problem = network_name_problem(key->text);
        system->networks[i] = (Network){.name = key->text, .index = i, .like = -1, .mark = key->mark};
        builder->networks[i] = (NetworkDraft){.key = key, .body = entries[i]};
        if (problem)
            spec_error(builder->errors, key->mark, key->width, "choose another name", "no network can be called '%s': %s", shown(key->text),
                       problem);
        if (!claim_name(builder, NAME_NETWORK, i, key)) builder->networks[i].broken = true;
    }
    for (int i = 0; i < count; i++) read_network(builder, i);
}
