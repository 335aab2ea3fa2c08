/* bundle_keys.c: templates with their keys filled in: the keys of all bundles, and those of a version of the language. */
#include "bundle/bundle_keys.h"

#include "bundle/inference_kind.h"
#include "emit/template.h"

#include <ctype.h>
#include <string.h>

const char *upper_case(const char *name) {
    char *upper = format("%s", name);
    for (char *c = upper; *c; c++) *c = (char)toupper((unsigned char)*c);
    return upper;
}

static const char *list_of(const Inference *inference, const char *pattern, const char *between) {
    Text out = {0};
    for (int i = 0; i < inference->code_count; i++) {
        const char *name = inference->code[i]->base.target->name;
        text_add(&out, "%s", i ? between : "");
        for (const char *c = pattern; *c; c++) text_add(&out, *c == '%' ? "%s" : "%.1s", *c == '%' ? name : c);
    }
    return out.bytes;
}

/* The bundle's name for CMake: the network's, except for names that CMake reserves, and for that of libm, which is linked. */
static const char *target_name(const char *name) {
    static const char *const taken[] = {"ALL_BUILD", "INSTALL", "PACKAGE",        "RUN_TESTS",  "ZERO_CHECK",    "all",
                                        "clean",     "depend",  "edit_cache",     "help",       "install",       "list_install_components",
                                        "m",         "package", "package_source", "preinstall", "rebuild_cache", "test"};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcmp(name, taken[i]) == 0) return format("%s_network", name);
    return name;
}

static int bundle_keys(const Inference *inference, Key *keys) {
    const Spec *spec = inference->spec;
    long workspace = 0, scratch = 0;
    for (int i = 0; i < inference->code_count; i++) {
        workspace = maximum(workspace, inference->code[i]->workspace_bytes);
        scratch = maximum(scratch, inference->code[i]->base.scratch_bytes);
    }
    const InferenceCode *rounding = rounding_code(inference);
    const Key all[] = {
        {"name", spec->name},
        {"NAME", upper_case(spec->name)},
        {"target", target_name(spec->name)},
        {"hash", format("%016llx", (unsigned long long)spec->hash)},
        {"T", format("%d", spec->T)},
        {"channels", format("%d", spec->channels)},
        {"height", format("%d", spec->height)},
        {"width", format("%d", spec->width)},
        {"frame_size", format("%ld", inference->frame_elements)},
        {"clip_size", format("%ld", spec->T * inference->frame_elements)},
        {"workspace_size", format("%ld", workspace + 64)},
        {"scratch_size", format("%ld", scratch)},
        {"weights_size", format("%ld", inference->file_bytes)},
        {"linked", !inference->links ? ""
                                     : format("\n/* The file of weights, linked into the program: give it to %s_model_open(). */\n"
                                              "extern const unsigned char %s_weights[%s_WEIGHTS_SIZE];\n",
                                              spec->name, spec->name, upper_case(spec->name))},
        {"tolerance", "1e-4"},
        {"rounding_tolerance", "1e-2"},
        {"rounding_format", format("%d", rounding ? rounding->format : FORMAT_PAIRS)},
        {"arithmetic",
         rounding ? format("multiplied by in bfloat16 on `%s`, else in float32", rounding->base.target->name) : "computed with in float32"},
        {"precision", format("%d", (int)inference->precision)},
        {"precision_name", precision_names[inference->precision]},
        {"targets", list_of(inference, "%", ", ")},
        {"sources", format("%s.c %s", spec->name, list_of(inference, format("%s_%%.c", spec->name), " "))},
        {"prototypes", target_prototypes(inference)},
        {"dispatch", target_dispatch(inference)},
        {"channels_text", spec->channels == 1 ? "grey" : "red, green, blue"},
        {"interleaved", spec->channels == 1 ? "" : ", the channels of a pixel side by side: [height, width, channels]"},
    };
    const int count = (int)(sizeof all / sizeof *all);
    _Static_assert(sizeof all / sizeof *all <= MAX_KEYS, "more keys than there is room for");
    memcpy(keys, all, sizeof all);
    return count + inference->kind->keys(inference, keys + count);
}

static const char *value_of(const Key *keys, int count, const char *name, size_t length) {
    for (int i = 0; i < count; i++)
        if (strlen(keys[i].name) == length && strncmp(keys[i].name, name, length) == 0) return keys[i].value;
    die("a template has the unknown key %.*s", (int)length, name);
}

const char *fill_template(const Inference *inference, const char *name) {
    Key keys[2 * MAX_KEYS];
    const int count = bundle_keys(inference, keys);
    Text out = {0};
    for (const char *at = template_text(name), *end; *at; at = end + 1) {
        end = strchr(at, '@');
        if (!end) {
            text_add(&out, "%s", at);
            break;
        }
        text_add(&out, "%.*s", (int)(end - at), at);
        at = end + 1;
        end = strchr(at, '@');
        if (!end) die("the template %s has an odd number of @", name);
        const size_t length = (size_t)(end - at);
        if (strncmp(at, "<=", 2) == 0) text_add(&out, "%s", fill_template(inference, value_of(keys, count, at + 2, length - 2)));
        else if (*at == '<') text_add(&out, "%s", fill_template(inference, format("%.*s", (int)length - 1, at + 1)));
        else text_add(&out, "%s", value_of(keys, count, at, length));
    }
    return out.bytes;
}
