/* read_tuning.c: reads a tuning file: one YAML document for each target. The kernels and numbers of a target are checked when it has been
 * lowered; refused requests are reported here. */
#include "spec/spec_internal.h"
#include "tune/tuning.h"

#include <errno.h>
#include <string.h>

/* The keys of a document that are not names of kernels. */
static const char *const document_keys[] = {"spec", "target", "cpu", NULL};
enum { DOCUMENT_SPEC, DOCUMENT_TARGET, DOCUMENT_CPU, DOCUMENT_KEYS };

static TuningPlace place_of(const SpecNode *node) {
    return (TuningPlace){node->mark, node->width};
}

static void tuning_error(const Tuning *tuning, const TuningPlace *place, const char *remedy, const char *pattern, ...)
    __attribute__((format(printf, 4, 5)));
static void tuning_error(const Tuning *tuning, const TuningPlace *place, const char *remedy, const char *pattern, ...) {
    va_list arguments;
    va_start(arguments, pattern);
    spec_error(tuning->errors, place->mark, place->width, remedy, "%s", format_list(pattern, arguments));
    va_end(arguments);
}

static void node_error(const Tuning *tuning, const SpecNode *node, const char *remedy, const char *message) {
    const TuningPlace place = place_of(node);
    tuning_error(tuning, &place, remedy, "%s", message);
}

static const char *list_names(const char *const *names) {
    Text text = {0};
    for (int i = 0; names[i]; i++) text_add(&text, "%s`%s`", i ? ", " : "", names[i]);
    return text.bytes;
}

static int find_name(const char *text, const char *const *names) {
    for (int i = 0; names[i]; i++)
        if (strcmp(text, names[i]) == 0) return i;
    return -1;
}

/* The index of the word among the names; −1 after reporting. */
static int read_word(const Tuning *tuning, const SpecNode *node, const char *const *names, const char *what) {
    const int found = node->kind == NODE_SCALAR ? find_name(node->text, names) : -1;
    if (found >= 0 || node->kind == NODE_REFUSED) return found;
    const char *near = node->kind == NODE_SCALAR ? nearest_name(node->text, names) : NULL;
    node_error(tuning, node, format("%s%s: %s", near ? format("did you mean `%s`?\n", near) : "", what, list_names(names)),
               node->kind == NODE_SCALAR ? format("'%s' is not one of the %s", shown(node->text), what)
                                         : format("%s is not a word", given(node)));
    return -1;
}

/* Does the map have the key already? Then it is an error. */
static bool is_repeated(const Tuning *tuning, const SpecNode *map, const SpecNode *child) {
    for (const SpecNode *before = map->first; before != child; before = before->next)
        if (before->key->kind == NODE_SCALAR && child->key->kind == NODE_SCALAR && strcmp(before->key->text, child->key->text) == 0) {
            report_repeated(tuning->errors, child->key, shown(child->key->text), before->key);
            return true;
        }
    return false;
}

/* ---- kernels ---- */

static void read_choice(const Tuning *tuning, WantedKernel *wanted, KernelPlaces *places, const SpecNode *child) {
    const char *keys[FIELDS + 2] = {"algorithm"};
    memcpy(keys + 1, field_names, sizeof field_names);
    const int key = read_word(tuning, child->key, keys, "keys of a kernel"), field = key - 1;
    if (key < 0) return;
    if (key == 0) {
        const int algorithm = read_word(tuning, child, algorithm_names, "algorithms");
        if (algorithm >= 0) wanted->algorithm = (Algorithm)algorithm;
        places->algorithm = place_of(child);
        return;
    }
    double value;
    if (child->kind == NODE_REFUSED) return;
    if (number_kind(child, &value) != NUMBER_INTEGER || value < 1 || value > 1e9 || plain_number(child->text)) {
        node_error(tuning, child, field_meanings[field], format("`%s` is a number from 1 on, not %s", keys[key], given(child)));
        return;
    }
    wanted->value[field] = (long)value;
    places->key[field] = place_of(child->key);
    places->value[field] = place_of(child);
}

static void read_kernel(const Tuning *tuning, TuningTarget *target, const SpecNode *child) {
    if (child->kind == NODE_REFUSED) return;
    if (child->kind != NODE_MAP) {
        node_error(tuning, child, "as in {algorithm: direct, tile_vectors: 2}",
                   format("`%s` is a map of choices, not %s", shown(child->key->text), given(child)));
        return;
    }
    MAKE_ROOM(target->place, target->wanted.count, target->place_capacity);
    KernelPlaces *places = &target->place[target->wanted.count];
    const char *key = child->key->text, *dot = strchr(key, '.');
    WantedKernel *wanted = want_kernel(&target->wanted, dot ? dot + 1 : key);
    if (dot) wanted->program = format("%.*s", (int)(dot - key), key);
    places->kernel = place_of(child->key);
    for (const SpecNode *choice = child->first; choice; choice = choice->next)
        if (!is_repeated(tuning, child, choice)) read_choice(tuning, wanted, places, choice);
}

/* ---- documents ---- */

static void read_target(const Tuning *tuning, TuningTarget *target, const SpecNode *node, const Spec *spec) {
    const Target *const *list = spec->precision == COMPUTE_BF16 ? bf16_targets : targets;
    const char *names[16];
    int count = 0;
    while (list[count]) {
        names[count] = list[count]->name;
        count++;
    }
    names[count] = NULL;
    const int found = read_word(tuning, node, names, "targets");
    if (found < 0) return;
    target->target = list[found];
    for (int i = 0; i < tuning->count - 1; i++)
        if (tuning->target[i].target == target->target)
            node_error(tuning, node, "put its kernels into one document", format("the target `%s` stands here a second time", node->text));
}

static void read_document(Tuning *tuning, const SpecNode *document, const Spec *spec) {
    if (document->kind == NODE_REFUSED) return;
    if (document->kind != NODE_MAP) {
        node_error(tuning, document, "`spec: NAME`, `target: NAME`, and a key for each kernel",
                   format("a tuning file is a map, not %s", given(document)));
        return;
    }
    MAKE_ROOM(tuning->target, tuning->count, tuning->capacity);
    TuningTarget *target = &tuning->target[tuning->count++];
    const SpecNode *seen[DOCUMENT_KEYS] = {NULL};
    for (const SpecNode *child = document->first; child; child = child->next) {
        if (child->key->kind != NODE_SCALAR) {
            if (child->key->kind != NODE_REFUSED)
                node_error(tuning, child->key, "the name of a kernel", format("a key is a word; this is %s", given(child->key)));
            continue;
        }
        if (is_repeated(tuning, document, child)) continue;
        const int key = find_name(child->key->text, document_keys);
        if (key < 0) {
            read_kernel(tuning, target, child);
            continue;
        }
        seen[key] = child;
        if (child->kind != NODE_SCALAR && child->kind != NODE_REFUSED)
            node_error(tuning, child, NULL, format("`%s` is a word, not %s", document_keys[key], given(child)));
    }
    for (int key = 0; key < DOCUMENT_CPU; key++)
        if (!seen[key])
            node_error(tuning, document,
                       key == DOCUMENT_SPEC ? format("`spec: %s`, the name of the spec that it is for", spec->name)
                                            : "`target: avx512`, or another",
                       format("a document of a tuning file lacks `%s`", document_keys[key]));
    const SpecNode *name = seen[DOCUMENT_SPEC];
    if (name && name->kind == NODE_SCALAR && strcmp(name->text, spec->name) != 0)
        node_error(tuning, name, "give the file for that spec, or make one: zoetrope tune",
                   format("the file is for the spec '%s', and this is `%s`", shown(name->text), spec->name));
    if (seen[DOCUMENT_TARGET]) read_target(tuning, target, seen[DOCUMENT_TARGET], spec);
}

/* ---- the whole ---- */

Tuning *parse_tuning(const char *path, const char *bytes, size_t length, const Spec *spec, FILE *out) {
    SpecErrors *errors = NEW(SpecErrors);
    *errors = (SpecErrors){.path = path, .bytes = bytes, .length = length, .what = "tuning file"};
    Tuning *tuning = NEW(Tuning);
    tuning->errors = errors;
    if (length > SPEC_BYTES) spec_error(errors, (Mark){0, 0}, 1, "is it the right file?", "longer than %d bytes", SPEC_BYTES);
    else if (check_spec_bytes(errors))
        for (const SpecNode *document = read_yaml(errors, true); document; document = document->next) read_document(tuning, document, spec);
    if (errors->count == 0) return tuning;
    print_spec_errors(errors, out);
    return NULL;
}

Tuning *read_tuning(const char *path, const Spec *spec, FILE *out) {
    size_t length;
    const char *bytes = read_spec_bytes(path, "check the path; files that come with zoetrope are in specs/tuning/", &length, out);
    return bytes ? parse_tuning(path, bytes, length, spec, out) : NULL;
}

/* ---- after a target was lowered ---- */

/* The key as it stands in the file. */
static const char *key_of(const WantedKernel *wanted) {
    return wanted->program ? format("%s.%s", wanted->program, wanted->kernel) : wanted->kernel;
}

/* A program that is not tuned has no keys. */
static void report_program(const Tuning *tuning, const TuningPlace *place, const char *program, const TargetCode *code) {
    const char **names = NEW_ARRAY(const char *, code->program_count + 1);
    int count = 0;
    for (int i = 0; i < code->program_count; i++)
        if (code->program[i]->tuned) names[count++] = code->program[i]->name;
    const char *near = nearest_name(program, names);
    tuning_error(tuning, place, format("%sprograms with choices: %s", near ? format("did you mean `%s`?\n", near) : "", list_names(names)),
                 "there is nothing to choose in a program '%s'", shown(program));
}

static bool has_tuned_program(const TargetCode *code, const char *name) {
    for (int i = 0; i < code->program_count; i++)
        if (code->program[i]->tuned && strcmp(code->program[i]->name, name) == 0) return true;
    return false;
}

static void report_unknown(const Tuning *tuning, const TuningPlace *place, const WantedKernel *wanted, const TargetCode *code) {
    if (wanted->program && !has_tuned_program(code, wanted->program)) {
        report_program(tuning, place, wanted->program, code);
        return;
    }
    const char **names = NEW_ARRAY(const char *, 2 * code->choice_count + DOCUMENT_KEYS + 1);
    int count = 0;
    for (int i = 0; i < code->choice_count; i++) {
        names[count++] = choice_key(code->choice[i]);
        if (!wanted->program) names[count++] = code->choice[i]->kernel;
    }
    memcpy(names + count, document_keys, sizeof document_keys);
    const char *near = nearest_name(key_of(wanted), names);
    tuning_error(tuning, place,
                 format("%s`zoetrope explain --kernels` lists the kernels", near ? format("did you mean `%s`?\n", near) : ""),
                 "there is nothing to choose for a kernel '%s' on %s", shown(key_of(wanted)), code->target->name);
}

static void report_algorithm(const Tuning *tuning, const TuningPlace *place, const WantedKernel *wanted, Algorithm possible,
                             const TargetCode *code) {
    const bool larger_tiles = wanted->algorithm == ALGORITHM_FILTERED_4 && code->choices.filtering == 2;
    const char *reason = wanted->algorithm != ALGORITHM_BLAS ? ""
                         : code->target->pairs               ? "BLAS multiplies floats, and this target bfloat16\n"
                                                             : "BLAS is for linear layers, outside of the steps of a recurrence\n";
    tuning_error(tuning, place,
                 larger_tiles ? "tiles of 4 outputs have to be allowed by `--filtering 4`"
                              : format("%sit can be `%s`; so it is where `algorithm` is left out", reason, algorithm_names[possible]),
                 "`%s` cannot be run by `%s` on %s", key_of(wanted), algorithm_names[wanted->algorithm], code->target->name);
}

static void report_unused(const Tuning *tuning, const TuningPlace *place, const KernelChoice *choice, int field) {
    Text legal = {0};
    for (int i = 0; i < choice->count; i++) text_add(&legal, ", %s", field_names[choice->chosen[i].field]);
    tuning_error(tuning, place, format("its keys: algorithm%s", legal.bytes ? legal.bytes : ""), "`%s`, run by `%s`, has no `%s`",
                 choice_key(choice), algorithm_names[choice->algorithm], field_names[field]);
}

static void report_value(const Tuning *tuning, const TuningPlace *place, const WantedKernel *wanted, int field, const Legal *legal,
                         const TargetCode *code) {
    tuning_error(tuning, place, format("legal here: %s", legal_text(legal)), "`%s` cannot be %ld in `%s` on %s", field_names[field],
                 wanted->value[field], key_of(wanted), code->target->name);
}

/* Reports the refused requests of a kernel. */
static void report_kernel(const Tuning *tuning, const WantedKernel *wanted, const KernelPlaces *places, const Answer *answer,
                          const TargetCode *code) {
    if (!answer->found) report_unknown(tuning, &places->kernel, wanted, code);
    if (answer->why)
        tuning_error(tuning, &places->kernel, "choose smaller tiles or blocks", "`%s` cannot be run like this on %s: %s", key_of(wanted),
                     code->target->name, answer->why);
    if (!answer->found) return;
    if (wanted->algorithm != ALGORITHM_ANY && wanted->algorithm != answer->algorithm) {
        report_algorithm(tuning, &places->algorithm, wanted, answer->algorithm, code);
        return;
    }
    const KernelChoice *choice =
        find_choice((const KernelChoice *const *)code->choice, code->choice_count, wanted->program, wanted->kernel);
    for (int field = 0; field < FIELDS; field++) {
        const Legal *legal = &answer->legal[field];
        if (!wanted->value[field]) continue;
        if (!answer->has[field] && choice) report_unused(tuning, &places->key[field], choice, field);
        if (answer->has[field] && !is_legal(legal, wanted->value[field]))
            report_value(tuning, &places->value[field], wanted, field, legal, code);
    }
}

bool report_refusals(const Tuning *tuning, const TargetCode *code, FILE *out) {
    SpecErrors *errors = tuning->errors;
    for (int i = 0; i < tuning->count; i++) {
        const TuningTarget *target = &tuning->target[i];
        for (int k = 0; target->target == code->target && k < target->wanted.count; k++)
            report_kernel(tuning, &target->wanted.kernel[k], &target->place[k], &code->answer[k], code);
    }
    if (errors->count == 0) return true;
    print_spec_errors(errors, out);
    errors->count = 0;
    errors->errors = NULL; /* they may be in the memory of this target */
    return false;
}
