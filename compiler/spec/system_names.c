/* system_names.c: the names that a spec of version 2 gives, and those that it may not give. */
#include "spec/system_internal.h"

#include <string.h>

/* The public attributes of PyTorch 2.13's nn.ModuleDict, which has the networks. */
static const char *const refused[] = {"T_destination",
                                      "add_module",
                                      "apply",
                                      "bfloat16",
                                      "buffers",
                                      "call_super_init",
                                      "children",
                                      "clear",
                                      "compile",
                                      "cpu",
                                      "cuda",
                                      "double",
                                      "dump_patches",
                                      "eval",
                                      "extra_repr",
                                      "float",
                                      "forward",
                                      "get_buffer",
                                      "get_extra_state",
                                      "get_parameter",
                                      "get_submodule",
                                      "half",
                                      "ipu",
                                      "items",
                                      "keys",
                                      "load_state_dict",
                                      "modules",
                                      "mtia",
                                      "named_buffers",
                                      "named_children",
                                      "named_modules",
                                      "named_parameters",
                                      "parameters",
                                      "pop",
                                      "register_backward_hook",
                                      "register_buffer",
                                      "register_forward_hook",
                                      "register_forward_pre_hook",
                                      "register_full_backward_hook",
                                      "register_full_backward_pre_hook",
                                      "register_load_state_dict_post_hook",
                                      "register_load_state_dict_pre_hook",
                                      "register_module",
                                      "register_parameter",
                                      "register_state_dict_post_hook",
                                      "register_state_dict_pre_hook",
                                      "requires_grad_",
                                      "set_extra_state",
                                      "set_submodule",
                                      "share_memory",
                                      "state_dict",
                                      "to",
                                      "to_empty",
                                      "train",
                                      "training",
                                      "type",
                                      "update",
                                      "values",
                                      "xpu",
                                      "zero_grad",
                                      NULL};

const char *network_name_problem(const char *name) {
    if (name[0] == '_') return "a network's name does not begin with an underscore";
    if (!strcmp(name, "all")) return "`all` stands for the other networks in `optimizers`";
    for (int i = 0; refused[i]; i++)
        if (!strcmp(name, refused[i])) return "PyTorch's nn.ModuleDict, which has the networks, has an attribute of that name";
    return NULL;
}

int named_entries(SpecErrors *errors, const char *section, const char *what, const SpecNode *map, const SpecNode ***entries) {
    int count = 0;
    if (!map || map->kind == NODE_REFUSED) return 0;
    if (map->kind != NODE_MAP || !map->count) {
        spec_error(errors, map->mark, map->width, "write `name: …` for each", "`%s` is a section with names, not %s", section,
                   map->kind == NODE_MAP ? "an empty one" : given(map));
        return 0;
    }
    *entries = NEW_ARRAY(const SpecNode *, minimum(map->count, SYSTEM_ENTRIES));
    for (const SpecNode *entry = map->first; entry; entry = entry->next) {
        const SpecNode *key = entry->key, *before = NULL, *end;
        if (key->kind == NODE_REFUSED) continue;
        const char *problem = key->kind == NODE_SCALAR ? identifier_problem(key->text) : "it is no word";
        for (int i = 0; i < count && !before && !problem; i++)
            if (!strcmp((*entries)[i]->key->text, key->text)) before = (*entries)[i];
        if (problem)
            spec_error(errors, key->mark, key->width, "choose letters, digits and _", "%s cannot name %s: %s", given(key), what, problem);
        else if (before) report_repeated(errors, key, key->text, before->key);
        else if (count == SYSTEM_ENTRIES) {
            spec_error(errors, key->mark, key->width, "remove some", "`%s` has more than %d entries", section, SYSTEM_ENTRIES);
            break;
        } else (*entries)[count++] = entry;
        if (is_cut(entry, &end)) entry = end; /* what stands up to there is no entry of its own */
    }
    return count;
}

const Named *find_name(const Builder *builder, const char *name) {
    for (int i = 0; i < builder->name_count; i++)
        if (!strcmp(builder->names[i].name, name)) return &builder->names[i];
    return NULL;
}

void add_name(Builder *builder, NameKind kind, int index, const char *name, Mark mark) {
    MAKE_ROOM(builder->names, builder->name_count, builder->name_capacity);
    builder->names[builder->name_count++] = (Named){name, kind, index, mark};
}

bool claim_name(Builder *builder, NameKind kind, int index, const SpecNode *key) {
    static const char *const kinds[] = {[NAME_DATA] = "the data",
                                        [NAME_FUNCTION] = "a function",
                                        [NAME_NOISE] = "a noise",
                                        [NAME_NETWORK] = "a network",
                                        [NAME_VALUE] = "a value"};
    const Named *taken = find_name(builder, key->text);
    if (!taken) add_name(builder, kind, index, key->text, key->mark);
    else
        spec_error(builder->errors, key->mark, key->width, "x, noises, networks, values and functions share their names: choose another",
                   "the name '%s' is taken: it is %s%s", shown(key->text), kinds[taken->kind],
                   taken->mark.line ? format(" in line %d", taken->mark.line) : "");
    return !taken;
}

const char *first_names(const char *const *names) {
    enum { NAMES_LISTED = 20 };
    Text text = {0};
    for (int i = 0; names[i] && i < NAMES_LISTED; i++) text_add(&text, "%s%s", i ? ", " : "", names[i]);
    return text.bytes;
}

int find_among(SpecErrors *errors, const SpecNode *node, const char *what, const char *const *names) {
    if (node->kind == NODE_REFUSED) return -1;
    if (node->kind != NODE_SCALAR) {
        spec_error(errors, node->mark, node->width, format("here stands one name: %s", what), "a name is expected, not %s", given(node));
        return -1;
    }
    for (int i = 0; names[i]; i++)
        if (!strcmp(names[i], node->text)) return i;
    const char *near = nearest_name(node->text, names);
    const char *first = first_names(names), *list = first ? format("there is: %s", first) : format("there is no %s", what);
    spec_error(errors, node->mark, node->width, near ? format("did you mean `%s`?", near) : list, "unknown %s %s", what, given(node));
    return -1;
}

const char **network_names(const Builder *builder) {
    const System *system = builder->system;
    const char **names = NEW_ARRAY(const char *, system->network_count + 1);
    for (int i = 0; i < system->network_count; i++) names[i] = system->networks[i].name;
    return names;
}

const char **loss_names(const Builder *builder) {
    const System *system = builder->system;
    const char **names = NEW_ARRAY(const char *, system->loss_count + 1);
    for (int i = 0; i < system->loss_count; i++) names[i] = system->losses[i].name;
    return names;
}
