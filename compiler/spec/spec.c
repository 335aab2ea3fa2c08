/* spec.c: from the tree of the text to the typed Spec, section by section, as the table of keys says. */
#include "spec/spec_internal.h"
#include "spec/system.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

SpecNode *find_child(const SpecNode *map, const char *name) {
    for (SpecNode *child = map ? map->first : NULL; child; child = child->next)
        if (child->key && child->key->kind == NODE_SCALAR && !strcmp(child->key->text, name)) return child;
    return NULL;
}

/* ---- keys that are not in the table, and keys that stand there twice ---- */

static const char *legal_keys(Section section, const void *target) {
    Text text = {0};
    for (const Key *key = next_key(section, NULL); key; key = next_key(section, key))
        if (key_applies(key, target)) text_add(&text, "%s%s", text.length ? ", " : "", key->name);
    return text.bytes;
}

static const char *nearest_key(const char *text, Section section) {
    const char **names = NEW_ARRAY(const char *, spec_key_count + system_key_count + 1); /* the last one is NULL */
    int count = 0;
    for (const Key *key = next_key(section, NULL); key; key = next_key(section, key)) names[count++] = key->name;
    return nearest_name(usual_name(text), names);
}

static void unknown_key(Reading *reading, Section section, const SpecNode *key, const void *target) {
    if (key->kind == NODE_REFUSED) return;
    if (reading->errors->count >= SPEC_ERRORS_KEPT) { /* a hint that nobody sees takes time */
        spec_error(reading->errors, key->mark, key->width, NULL, "unknown key");
        return;
    }
    const char *where = spec_sections[section].name, *legal = format("keys of %s: %s", where, legal_keys(section, target));
    if (key->kind != NODE_SCALAR) {
        spec_error(reading->errors, key->mark, key->width, legal, "a key is a word; this is %s", given(key));
        return;
    }
    const char *near = nearest_key(key->text, section), *other = other_name(section, key->text);
    const char *hint = near ? format("did you mean `%s`?\n", near) : other ? format("%s\n", other) : "";
    spec_error(reading->errors, key->mark, key->width, format("%s%s", hint, legal), "unknown key '%s' in %s", shown(key->text), where);
}

static void check_keys(Reading *reading, Section section, const SpecNode *map, const void *target) {
    const SpecNode **first = NEW_ARRAY(const SpecNode *, spec_key_count + system_key_count); /* by row of the section */
    for (const SpecNode *child = map->first; child; child = child->next) {
        int row = 0;
        const Key *key = child->key->kind == NODE_SCALAR ? next_key(section, NULL) : NULL;
        for (; key && strcmp(key->name, child->key->text) != 0; row++) key = next_key(section, key);
        if (!key) unknown_key(reading, section, child->key, target);
        else if (first[row]) report_repeated(reading->errors, child->key, child->key->text, first[row]->key);
        else first[row] = child;
    }
}

/* Whether a key of the map (of its first, if there are many) was probably meant to be `name`. */
static bool is_misspelt(Section section, const SpecNode *map, const char *name) {
    int looked_at = 0;
    for (const SpecNode *child = map->first; child && looked_at < 64; child = child->next, looked_at++) {
        const char *near = child->key->kind == NODE_SCALAR ? nearest_key(child->key->text, section) : NULL;
        if (near && !strcmp(near, name)) return true;
    }
    return false;
}

/* What the network's `defaults` say of a key of a layer with a product, or NULL. */
static SpecNode *find_default(const Reading *reading, const Key *row, const SpecNode *layer) {
    if (!reading->defaults || row->section != SECTION_NETWORK_LAYER || row->type == KEY_PART || row->type == KEY_WORD) return NULL;
    const bool size = !strcmp(row->name, "features") || !strcmp(row->name, "shape");
    if (size && (find_child(layer, "features") || find_child(layer, "shape"))) return NULL;
    return find_child(reading->defaults, row->name);
}

/* One error for all keys that the section lacks. */
static void check_missing(Reading *reading, Section section, const SpecNode *key, const SpecNode *map, const void *target) {
    Text names = {0}, legal = {0};
    for (const Key *row = map ? next_key(section, NULL) : NULL; row; row = next_key(section, row)) {
        if (row->presence != KEY_REQUIRED || !key_applies(row, target) || find_child(map, row->name) || find_default(reading, row, map) ||
            is_misspelt(section, map, row->name) || (reading->defaults && is_misspelt(section, reading->defaults, row->name)))
            continue;
        text_add(&names, "%s`%s`", names.length ? ", " : "", row->name);
        text_add(&legal, "`%s` is %s\n", row->name, key_legal(row));
    }
    const SpecNode *place = key ? key : map;
    if (names.length)
        spec_error(reading->errors, place->mark, place->width, legal.bytes, "%s lacks %s", key ? format("`%s`", key->text) : "the spec",
                   names.bytes);
}

/* ---- sections ---- */

static bool read_layers(Reading *reading, const Key *key, const SpecNode *list);

/* With what some row of the key's name means anything: all kinds of layers that have it. */
static const char *uses_text(const Key *key) {
    Key all = *key;
    for (const Key *row = next_key(key->section, NULL); row; row = next_key(key->section, row))
        if (!strcmp(row->name, key->name)) all.kinds |= row->kinds;
    return when_text(&all);
}

/* A key that stands in the text although nothing uses it. */
static void check_unused(Reading *reading, const Key *key, const SpecNode *child, const void *target) {
    for (const Key *row = next_key(key->section, NULL); row; row = next_key(key->section, row))
        if (!strcmp(row->name, key->name) && (key_applies(row, target) || row < key))
            return; /* another is in use, or is the one to speak */
    spec_error(reading->errors, child->key->mark, child->key->width, "remove it", "`%s` goes with `%s` only", key->name, uses_text(key));
}

static bool read_key(Reading *reading, const Key *key, const SpecNode *child, void *target) {
    if (key->mark != NOWHERE && child) *(Mark *)((char *)target + key->mark) = child->key->mark;
    if (key->type == KEY_SECTION && child) {
        bool read = read_section(reading, key->inner, child->key, child, target);
        if (!read && key->inner == SECTION_INPUT) reading->spec->channels = 0; /* its shape is not known: see check_shapes */
        return read;
    }
    if (key->type == KEY_SECTION && key->presence == KEY_DEFAULT) return read_section(reading, key->inner, NULL, NULL, target);
    if (key->type == KEY_LAYERS && child) return read_layers(reading, key, child);
    if (child) return read_value(reading->errors, key, child, target);
    return true;
}

bool read_section(Reading *reading, Section section, const SpecNode *key, const SpecNode *map, void *target) {
    int before = reading->errors->count;
    bool choices_read = true; /* else nobody knows which of the other keys are used */
    if (map && map->kind == NODE_REFUSED) return false;
    if (map && map->kind != NODE_MAP) {
        spec_error(reading->errors, map->mark, map->width,
                   format("keys of %s: %s", spec_sections[section].name, legal_keys(section, target)), "%s is a section of keys, not %s",
                   key ? format("`%s`", key->text) : "a spec", given(map));
        return false;
    }
    for (const Key *row = next_key(section, NULL); row; row = next_key(section, row)) {
        bool applies = key_applies(row, target);
        const SpecNode *child = find_child(map, row->name);
        if (applies && row->presence == KEY_DEFAULT) set_default(row, target);
        if (applies) {
            SpecNode *fallback = child ? NULL : find_default(reading, row, map);
            bool read = read_key(reading, row, child ? child : fallback, target);
            if (fallback && !read) fallback->kind = NODE_REFUSED; /* it is reported once */
            const bool lacking = row->presence == KEY_REQUIRED && map && !child && !fallback;
            if (row->type == KEY_CHOICE) choices_read &= read && !lacking;
        } else if (child && choices_read) check_unused(reading, row, child, target);
    }
    check_missing(reading, section, key, map, target);
    if (map) check_keys(reading, section, map, target);
    return reading->errors->count == before;
}

/* ---- layers ---- */

void check_output_padding(SpecErrors *errors, const SpecNode *map, int axes, const int *added, const int *stride) {
    const SpecNode *own = find_child(map, "output_padding"), *place = own ? own : map->key;
    for (int axis = 0; axis < axes; axis++) {
        if (added[axis] < stride[axis]) continue;
        spec_error(errors, place->mark, place->width, "a larger output padding only adds rows or columns that no input reaches",
                   "`output_padding` %d is not smaller than `stride` %d", added[axis], stride[axis]);
        return;
    }
}

const SpecNode *read_layer_kind(Reading *reading, const SpecNode *item, const char *const *kinds, const char *legal, int *kind) {
    static const char *const example =
        "write `- conv: {channels: 32, kernel: 3}`, or its keys in lines of their own, indented further than `conv`";
    if (item->kind == NODE_REFUSED || (item->kind == NODE_MAP && item->first && item->first->key->kind == NODE_REFUSED)) return NULL;
    if (item->kind != NODE_MAP || !item->first) {
        spec_error(reading->errors, item->mark, item->width, example, "a layer is %s with its keys, not %s", legal, given(item));
        return NULL;
    }
    const SpecNode *map = item->first, *word = map->key;
    for (*kind = 0; kinds[*kind] && (word->kind != NODE_SCALAR || strcmp(word->text, kinds[*kind]) != 0);) ++*kind;
    if (!kinds[*kind]) {
        const char *near = word->kind == NODE_SCALAR ? nearest_name(usual_name(word->text), kinds) : NULL;
        spec_error(reading->errors, word->mark, word->width, near ? format("did you mean `%s`?", near) : example,
                   "unknown kind of layer %s", given(word));
        if (!near) return NULL;
        for (*kind = 0; strcmp(near, kinds[*kind]) != 0;) ++*kind;
    }
    if (map->next) {
        bool empty = map->kind == NODE_SCALAR && !map->text[0];
        spec_error(
            reading->errors, map->next->key->mark, map->next->key->width, empty ? example : "start each layer with a dash of its own",
            empty ? "the keys of `%s` stand beside it, not in it" : "a second key beside `%s`: an item is one layer", shown(word->text));
        if (empty) return NULL;
    }
    return map;
}

static void read_layer_item(Reading *reading, const SpecNode *item, Layer *layer) {
    static const char *const kinds[] = {"conv", "conv_transpose", NULL};
    int kind;
    if (item->kind == NODE_MAP && item->first) layer->mark = item->first->key->mark;
    const SpecNode *map = read_layer_kind(reading, item, kinds, "`conv` or `conv_transpose`", &kind);
    if (!map) return;
    layer->transposed = kind == 1;
    if (read_section(reading, SECTION_LAYER, map->key, map, layer))
        check_output_padding(reading->errors, map, 2, layer->output_padding, layer->stride);
}

static void read_layer(Reading *reading, const SpecNode *item, Layer *layer) {
    int before = reading->errors->count;
    layer->mark = item->mark;
    read_layer_item(reading, item, layer);
    if (reading->errors->count > before || layer->kernel[0] == 0) layer->channels = 0; /* not known: see check_shapes */
}

static bool read_layers(Reading *reading, const Key *key, const SpecNode *list) {
    int before = reading->errors->count;
    Layer **layers = (Layer **)((char *)reading->spec + key->offset);
    int *count = (int *)((char *)reading->spec + key->count);
    if (list->kind == NODE_REFUSED) return false;
    if (list->kind != NODE_LIST || !list->count) {
        spec_error(reading->errors, list->mark, list->width, "each layer starts with a dash: `- conv: {channels: 32, kernel: 3}`",
                   "`%s` is a list of at least one layer, not %s", key->name, given(list));
        return false;
    }
    *layers = NEW_ARRAY(Layer, minimum(list->count, SPEC_LAYERS));
    for (const SpecNode *item = list->first; item; item = item->next) {
        if (*count == SPEC_LAYERS) {
            spec_error(reading->errors, item->mark, item->width, "remove some", "`%s` has %d layers; %d is the limit", key->name,
                       list->count, SPEC_LAYERS);
            break;
        }
        read_layer(reading, item, &(*layers)[(*count)++]);
    }
    return reading->errors->count == before;
}

/* ---- canonical form ---- */

void write_section(Text *text, Section section, const void *target) {
    text_add(text, "{");
    const char *separator = "";
    for (const Key *key = next_key(section, NULL); key; key = next_key(section, key)) {
        const char *value = key_applies(key, target) ? value_text(key, target) : NULL;
        if (!value) continue;
        text_add(text, "%s%s: %s", separator, key->name, value);
        separator = ", ";
    }
    text_add(text, "}\n");
}

static const char *write_canonical(const Spec *spec) {
    Text text = {0};
    for (const Key *key = next_key(SECTION_SPEC, NULL); key; key = next_key(SECTION_SPEC, key)) {
        if ((key->inner == SECTION_GRU && !spec->hidden) || (key->offset == offsetof(Spec, latent) && !spec->latent)) continue;
        text_add(&text, "%s:", key->name);
        if (key->type == KEY_LAYERS) {
            const Layer *layers = *(Layer *const *)((const char *)spec + key->offset);
            const int count = *(const int *)((const char *)spec + key->count);
            text_add(&text, "\n");
            for (int i = 0; i < count; i++) {
                text_add(&text, "  - %s: ", layers[i].transposed ? "conv_transpose" : "conv");
                write_section(&text, SECTION_LAYER, &layers[i]);
            }
        } else if (key->type == KEY_SECTION) {
            text_add(&text, " ");
            write_section(&text, key->inner, spec);
        } else text_add(&text, " %s\n", value_text(key, spec));
    }
    return text.bytes;
}

/* ---- the whole ---- */

static bool is_version_2(const SpecNode *root) {
    const SpecNode *version = root->kind == NODE_MAP ? find_child(root, "version") : NULL;
    double number;
    return version && number_kind(version, &number) == NUMBER_INTEGER && number == 2;
}

static void read_tree(Reading *reading, const SpecNode *root) {
    if (is_version_2(root)) {
        read_system(reading, root);
        return;
    }
    SpecErrors *errors = reading->errors;
    Spec *spec = reading->spec;
    read_section(reading, SECTION_SPEC, NULL, root, spec);
    if (root->kind != NODE_MAP) return;
    if (spec->gru_mark.line && !spec->latent_mark.line && !is_misspelt(SECTION_SPEC, root, "latent"))
        spec_error(errors, spec->gru_mark, 3, "add `latent`: the size of the linear layer between encoder and GRU, such as `latent: 64`",
                   "`gru` without `latent`");
    check_shapes(errors, spec);
}

Spec *parse_spec(const char *path, const char *bytes, size_t length, FILE *out) {
    SpecErrors errors = {.path = path, .bytes = bytes, .length = length, .what = "spec"};
    Reading reading = {&errors, NEW(Spec), NULL};
    reading.spec->path = path;
    if (length > SPEC_BYTES)
        spec_error(&errors, (Mark){0, 0}, 1, "is it the right file? A spec is a few kilobytes of YAML", "longer than %d bytes", SPEC_BYTES);
    else if (check_spec_bytes(&errors)) {
        SpecNode *root = read_yaml(&errors, false);
        if (root) read_tree(&reading, root);
    }
    if (errors.count || errors.warning_count) print_spec_errors(&errors, out);
    if (errors.count) return NULL;
    if (!reading.spec->system) reading.spec->canonical = write_canonical(reading.spec);
    reading.spec->hash = hash_bytes(HASH_START, reading.spec->canonical, strlen(reading.spec->canonical));
    return reading.spec;
}

const char *read_spec_bytes(const char *path, const char *missing, size_t *length, FILE *out) {
    FILE *file = fopen(path, "rb");
    char *bytes = arena_allocate(SPEC_BYTES + 1);
    *length = file ? fread(bytes, 1, SPEC_BYTES + 1, file) : 0;
    int problem = !file || ferror(file) ? errno : 0;
    if (file) fclose(file);
    if (!problem) return bytes;
    SpecErrors errors = {.path = path, .bytes = "", .length = 0};
    const char *remedy = problem == EISDIR ? "give the path of a .yaml file in it" : problem == ENOENT ? missing : NULL;
    spec_error(&errors, (Mark){0, 0}, 1, remedy, "cannot be read: %s", strerror(problem));
    print_spec_errors(&errors, out);
    return NULL;
}

Spec *read_spec(const char *path, FILE *out) {
    size_t length;
    const char *bytes = read_spec_bytes(path, "check the path; the specs that come with zoetrope are in specs/", &length, out);
    return bytes ? parse_spec(path, bytes, length, out) : NULL;
}

/* The first layer of a system that is read, and not compiled yet; NULL: there is none. */
static const NetworkLayer *uncompiled_layer(const System *system) {
    for (int n = 0; n < system->network_count; n++)
        for (int i = 0; i < system->networks[n].layer_count; i++) {
            const NetworkLayer *layer = &system->networks[n].layers[i];
            switch (layer->kind) {
            case LAYER_CONV3D:
            case LAYER_CONV_TRANSPOSE3D:
            case LAYER_CONV_LSTM:
            case LAYER_MEMORY:
                return layer;
            default:
                break;
            }
        }
    return NULL;
}

Spec *read_spec_to_compile(const char *path, FILE *out) {
    Spec *spec = read_spec(path, out);
    const NetworkLayer *layer = spec && spec->system ? uncompiled_layer(spec->system) : NULL;
    if (layer)
        fprintf(out, "%s:%d:%d: error: a layer `%s` cannot be compiled yet\n       = `zoetrope check` reads and checks it\n",
                printable(path), layer->mark.line, layer->mark.column, layer_kind_names[layer->kind]);
    return layer ? NULL : spec;
}
