/* spec.c: from the tree of the text to the typed Spec, section by section, as the table of keys says. */
#include "spec/spec_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct Reading {
    SpecErrors *errors;
    Spec *spec;
} Reading;

static const SpecNode *find_child(const SpecNode *map, const char *name) {
    for (const SpecNode *child = map ? map->first : NULL; child; child = child->next)
        if (child->key->kind == NODE_SCALAR && !strcmp(child->key->text, name)) return child;
    return NULL;
}

/* ---- keys that are not in the table, and keys that stand there twice ---- */

static const char *legal_keys(Section section, const void *target) {
    Text text = {0};
    for (int i = 0; i < spec_key_count; i++)
        if (spec_keys[i].section == section && key_applies(&spec_keys[i], target))
            text_add(&text, "%s%s", text.length ? ", " : "", spec_keys[i].name);
    return text.bytes;
}

static const char *nearest_key(const char *text, Section section) {
    const char **names = NEW_ARRAY(const char *, spec_key_count + 1); /* the last one is NULL */
    int count = 0;
    for (int i = 0; i < spec_key_count; i++)
        if (spec_keys[i].section == section) names[count++] = spec_keys[i].name;
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
    const char *near = nearest_key(key->text, section), *other = other_name(key->text);
    const char *hint = near ? format("did you mean `%s`?\n", near) : other ? format("%s\n", other) : "";
    spec_error(reading->errors, key->mark, key->width, format("%s%s", hint, legal), "unknown key '%s' in %s", shown(key->text), where);
}

static void check_keys(Reading *reading, Section section, const SpecNode *map, const void *target) {
    const SpecNode **first = NEW_ARRAY(const SpecNode *, spec_key_count); /* by row */
    for (const SpecNode *child = map->first; child; child = child->next) {
        int row = 0;
        while (row < spec_key_count &&
               (spec_keys[row].section != section || child->key->kind != NODE_SCALAR || strcmp(spec_keys[row].name, child->key->text) != 0))
            row++;
        if (row == spec_key_count) unknown_key(reading, section, child->key, target);
        else if (first[row])
            spec_error(reading->errors, child->key->mark, child->key->width, "remove one of the two",
                       "`%s` stands here a second time; the first is at line %d, column %d", child->key->text, first[row]->key->mark.line,
                       first[row]->key->mark.column);
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

/* One error for all keys that the section lacks. */
static void check_missing(Reading *reading, Section section, const SpecNode *key, const SpecNode *map) {
    Text names = {0}, legal = {0};
    for (const Key *row = spec_keys; row < spec_keys + spec_key_count && map; row++) {
        if (row->section != section || row->presence != KEY_REQUIRED || find_child(map, row->name) || is_misspelt(section, map, row->name))
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

static bool read_section(Reading *reading, Section section, const SpecNode *key, const SpecNode *map, void *target);
static bool read_layers(Reading *reading, const Key *key, const SpecNode *list);

/* A key that stands in the text although nothing uses it. */
static void check_unused(Reading *reading, const Key *key, const SpecNode *child, const void *target) {
    const char *uses = when_text(key->when);
    for (int i = 0; i < spec_key_count; i++) { /* another row of this name may be in use, or be the one to speak */
        bool same = spec_keys[i].section == key->section && !strcmp(spec_keys[i].name, key->name);
        if (same && (key_applies(&spec_keys[i], target) || &spec_keys[i] < key)) return;
    }
    spec_error(reading->errors, child->key->mark, child->key->width, "remove it", "`%s` goes with `%s` only", key->name, uses);
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

/* key: the word that opens the section, for errors (NULL: the spec itself). map NULL: the section was left out; its keys get their
 * defaults. */
static bool read_section(Reading *reading, Section section, const SpecNode *key, const SpecNode *map, void *target) {
    int before = reading->errors->count;
    bool choices_read = true; /* else nobody knows which of the other keys are used */
    if (map && map->kind == NODE_REFUSED) return false;
    if (map && map->kind != NODE_MAP) {
        spec_error(reading->errors, map->mark, map->width,
                   format("keys of %s: %s", spec_sections[section].name, legal_keys(section, target)), "%s is a section of keys, not %s",
                   key ? format("`%s`", key->text) : "a spec", given(map));
        return false;
    }
    for (const Key *row = spec_keys; row < spec_keys + spec_key_count; row++) {
        if (row->section != section) continue;
        bool applies = key_applies(row, target);
        const SpecNode *child = find_child(map, row->name);
        if (applies && row->presence == KEY_DEFAULT) set_default(row, target);
        if (applies) {
            bool read = read_key(reading, row, child, target);
            if (row->type == KEY_CHOICE) choices_read &= read;
        } else if (child && choices_read) check_unused(reading, row, child, target);
    }
    check_missing(reading, section, key, map);
    if (map) check_keys(reading, section, map, target);
    return reading->errors->count == before;
}

/* ---- layers ---- */

static void check_output_padding(Reading *reading, const Layer *layer, const SpecNode *map) {
    const SpecNode *node = find_child(map, "output_padding");
    for (int axis = 0; axis < 2 && node; axis++) {
        if (layer->output_padding[axis] < layer->stride[axis]) continue;
        spec_error(reading->errors, node->mark, node->width, "a larger output padding only adds rows or columns that no input reaches",
                   "`output_padding` %d is not smaller than `stride` %d", layer->output_padding[axis], layer->stride[axis]);
        return;
    }
}

/* `- conv: {…}`: a map with the one key that says which kind. */
static void read_layer_item(Reading *reading, const SpecNode *item, Layer *layer) {
    static const char *const kinds[] = {"conv", "conv_transpose", NULL};
    static const char *const example =
        "write `- conv: {channels: 32, kernel: 3}`, or its keys in lines of their own, indented further than `conv`";
    if (item->kind == NODE_REFUSED || (item->kind == NODE_MAP && item->first && item->first->key->kind == NODE_REFUSED)) return;
    if (item->kind != NODE_MAP || !item->first) {
        spec_error(reading->errors, item->mark, item->width, example, "a layer is `conv` or `conv_transpose` with its keys, not %s",
                   given(item));
        return;
    }
    const SpecNode *map = item->first, *kind = map->key;
    bool known = kind->kind == NODE_SCALAR && (!strcmp(kind->text, kinds[0]) || !strcmp(kind->text, kinds[1]));
    layer->mark = kind->mark;
    if (!known) {
        const char *near = kind->kind == NODE_SCALAR ? nearest_name(usual_name(kind->text), kinds) : NULL;
        spec_error(reading->errors, kind->mark, kind->width, near ? format("did you mean `%s`?", near) : example,
                   "unknown kind of layer %s", given(kind));
        if (!near) return;
        layer->transposed = !strcmp(near, kinds[1]);
    } else layer->transposed = !strcmp(kind->text, kinds[1]);
    if (map->next) {
        bool empty = map->kind == NODE_SCALAR && !map->text[0];
        spec_error(
            reading->errors, map->next->key->mark, map->next->key->width, empty ? example : "start each layer with a dash of its own",
            empty ? "the keys of `%s` stand beside it, not in it" : "a second key beside `%s`: an item is one layer", shown(kind->text));
        if (empty) return;
    }
    if (read_section(reading, SECTION_LAYER, kind, map, layer)) check_output_padding(reading, layer, map);
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

static void write_section(Text *text, Section section, const void *target) {
    text_add(text, "{");
    const char *separator = "";
    for (const Key *key = spec_keys; key < spec_keys + spec_key_count; key++) {
        if (key->section != section || !key_applies(key, target)) continue;
        text_add(text, "%s%s: %s", separator, key->name, value_text(key, target));
        separator = ", ";
    }
    text_add(text, "}\n");
}

static const char *write_canonical(const Spec *spec) {
    Text text = {0};
    for (const Key *key = spec_keys; key < spec_keys + spec_key_count; key++) {
        if (key->section != SECTION_SPEC) continue;
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

static void read_tree(Reading *reading, const SpecNode *root) {
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
    Reading reading = {&errors, NEW(Spec)};
    reading.spec->path = path;
    if (length > SPEC_BYTES)
        spec_error(&errors, (Mark){0, 0}, 1, "is it the right file? A spec is a few kilobytes of YAML", "longer than %d bytes", SPEC_BYTES);
    else if (check_spec_bytes(&errors)) {
        SpecNode *root = read_yaml(&errors, false);
        if (root) read_tree(&reading, root);
    }
    if (errors.count) {
        print_spec_errors(&errors, out);
        return NULL;
    }
    reading.spec->canonical = write_canonical(reading.spec);
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
