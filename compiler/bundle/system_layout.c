#include "bundle/system_layout.h"

#include "graph/shapes.h"
#include "spec/system.h"

#include <ctype.h>
#include <string.h>

enum { GOLDEN_SEARCH = 2 }; /* updates: enough for momentum to count, few enough for double precision */

/* ---- names in C and C++ ---- */

static const char *const keywords[] = {"alignas",      "alignof",
                                       "and",          "and_eq",
                                       "asm",          "auto",
                                       "bitand",       "bitor",
                                       "bool",         "break",
                                       "case",         "catch",
                                       "char",         "class",
                                       "co_await",     "co_return",
                                       "co_yield",     "compl",
                                       "concept",      "const",
                                       "consteval",    "constexpr",
                                       "constinit",    "const_cast",
                                       "continue",     "decltype",
                                       "default",      "delete",
                                       "do",           "double",
                                       "dynamic_cast", "else",
                                       "enum",         "explicit",
                                       "export",       "extern",
                                       "false",        "float",
                                       "for",          "friend",
                                       "goto",         "if",
                                       "inline",       "int",
                                       "linux",        "long",
                                       "mutable",      "namespace",
                                       "new",          "noexcept",
                                       "not",          "not_eq",
                                       "nullptr",      "offsetof",
                                       "operator",     "or",
                                       "or_eq",        "private",
                                       "protected",    "public",
                                       "register",     "reinterpret_cast",
                                       "requires",     "restrict",
                                       "return",       "short",
                                       "signed",       "sizeof",
                                       "static",       "static_assert",
                                       "static_cast",  "struct",
                                       "switch",       "template",
                                       "this",         "thread_local",
                                       "throw",        "true",
                                       "try",          "typedef",
                                       "typeid",       "typename",
                                       "typeof",       "typeof_unqual",
                                       "union",        "unix",
                                       "unsigned",     "using",
                                       "virtual",      "void",
                                       "volatile",     "wchar_t",
                                       "while",        "xor",
                                       "xor_eq"};

/* Macros of standard headers and compilers are in capitals, or begin with an underscore. */
static bool is_reserved(const char *name) {
    bool capitals = true;
    for (const char *c = name; *c; c++) capitals = capitals && !islower((unsigned char)*c);
    if ((capitals && strlen(name) > 1) || name[0] == '_') return true;
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (strcmp(name, keywords[i]) == 0) return true;
    return false;
}

static bool is_output(const System *system, const char *name) {
    for (int i = 0; i < system->output_count; i++)
        if (strcmp(system->outputs[i].name, name) == 0) return true;
    return false;
}

/* An output's own name; one that C, C++ or their headers may have taken gets an underscore. */
static const char *output_field(const System *system, const char *name) {
    if (!is_reserved(name)) return name;
    const char *field = format("%s_", name);
    while (is_output(system, field)) field = format("%s_", field);
    return field;
}

/* ---- the layout ---- */

static long count_of(const Argument *argument) {
    long count = 1;
    for (int d = 0; d < argument->rank; d++) count *= argument->shape[d];
    return count;
}

/* As the trainer's draws for evaluation (runtime/model/model_steps.c): each name and each half of a joined batch has numbers of its own. */
static unsigned long long draw_key(const char *name, int item) {
    const uint64_t start = UINT64_C(0xcbf29ce484222325) + (uint64_t)(-1 - (int64_t)item);
    return hash_bytes(start, name, strlen(name));
}

static SystemDraw draw_of(const Argument *argument, int input, long place) {
    SystemDraw draw = {.argument = argument,
                       .field = parameter_node_name(argument->name),
                       .input = input,
                       .items = argument->shape[argument->items],
                       .inner = 1,
                       .place = place,
                       .key = {draw_key(argument->name, 0), draw_key(argument->name, 1)}};
    draw.elements = count_of(argument) / draw.items;
    for (int d = argument->items + 1; d < argument->rank; d++) draw.inner *= argument->shape[d];
    return draw;
}

static void lay_out_inputs(const Inference *inference, SystemLayout *layout) {
    const System *system = inference->spec->system;
    const NamedNodes *named = &inference->evaluation->named[ROLE_INPUT];
    layout->inputs = named->count;
    layout->draw = NEW_ARRAY(SystemDraw, named->count + 1);
    for (int i = 0; i < named->count; i++) {
        const Argument *argument = &named->entry[i].argument;
        if (argument->drawn == DRAWN_NOT) {
            layout->x = i;
            continue;
        }
        SystemDraw *draw = &layout->draw[layout->draw_count++];
        *draw = draw_of(argument, i, layout->draws);
        layout->draws += draw->items * draw->elements;
        if (system->search.noise && strcmp(argument->name, format("noise.%s", system->search.noise->name)) == 0) layout->searched = draw;
    }
}

static void lay_out_results(const Inference *inference, SystemLayout *layout) {
    const System *system = inference->spec->system;
    const NamedNodes *named = &inference->evaluation->named[ROLE_OUTPUT];
    layout->result = NEW_ARRAY(SystemResult, named->count + 1);
    layout->result_count = named->count;
    for (int i = 0; i < named->count; i++) {
        SystemResult *result = &layout->result[i];
        *result = (SystemResult){
            .argument = &named->entry[i].argument, .elements = count_elements(named->entry[i].node), .place = layout->results};
        layout->results += result->elements;
        if (i < system->output_count) result->field = output_field(system, system->outputs[i].name);
        else layout->scores = result->elements;
        if (system->search.noise && system->samples == &system->outputs[i] && result->field) layout->samples = result;
    }
}

SystemLayout *lay_out_system(const Inference *inference) {
    SystemLayout *layout = NEW(SystemLayout);
    layout->x = -1;
    lay_out_inputs(inference, layout);
    lay_out_results(inference, layout);
    layout->golden_search = minimum(inference->spec->system->search.steps, GOLDEN_SEARCH);
    return layout;
}

long system_area(const Inference *inference, int area) {
    const SystemLayout *layout = inference->layout;
    const long searched = layout->searched ? layout->searched->elements : 0;
    const long floats[SYSTEM_AREAS] = {[AREA_CLIP] = inference->spec->T * inference->frame_elements,
                                       [AREA_DRAWS] = layout->draws,
                                       [AREA_RESULTS] = layout->results,
                                       [AREA_GRADIENT] = searched,
                                       [AREA_MOMENTS] = 2 * searched,
                                       [AREA_SPARE] = layout->samples ? layout->samples->elements : 0};
    return round_up(4 * floats[area], 64);
}
