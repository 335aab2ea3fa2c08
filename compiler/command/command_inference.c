/* command_inference.c: the command that writes an inference bundle: a folder of C and weights that depends on nothing else. */
#include "command/command_inference.h"

#include "base/output.h"
#include "bundle/emit_bundle.h"
#include "bundle/weights.h"
#include "lower/choice.h"

enum { ARRAY_MOST = 1 << 20 };

static bool write_bundle(const Options *options, Inference *inference, double *const *parameters, double *const *scales) {
    const char *name = inference->spec->name;
    Output output = {.directory = options->directory};
    const InferenceCode *rounding = rounding_code(inference);
    const Golden *const golden[2] = {compute_golden(inference, parameters, NULL),
                                     rounding ? compute_golden(inference, parameters, rounding) : NULL};
    if (!golden_finite(golden[0]) || (golden[1] && !golden_finite(golden[1]))) {
        fprintf(stderr, "zoetrope: %s: with these weights the reconstruction is not finite; are they those of a training that failed?\n",
                printable(options->weights));
        return false;
    }
    const Bytes weights = pack_weights(inference, parameters, scales, golden, options->big_endian);
    inference->file_bytes = (long)weights.length;
    if (options->weights_as == WEIGHTS_ARRAY && weights.length > ARRAY_MOST) {
        fprintf(stderr,
                "zoetrope: %zu bytes of weights are too many for a C array (%d at most); say --weights-as object, or give fewer targets\n",
                weights.length, ARRAY_MOST);
        return false;
    }
    inference->links = options->weights_as != WEIGHTS_FILE;
    *add_output(&output, format("%s.weights", name)) = (Text){.bytes = (char *)weights.start, .length = weights.length};
    begin_pass(PASS_EMIT);
    for (int i = 0; i < inference->code_count; i++)
        emit_bundle_target(add_output(&output, format("%s_%s.c", name, inference->code[i]->base.target->name)), inference,
                           inference->code[i]);
    emit_bundle_source(add_output(&output, format("%s.c", name)), inference);
    emit_bundle_templates(&output, inference);
    if (options->weights_as == WEIGHTS_ARRAY) emit_weights_array(add_output(&output, format("%s_weights.c", name)), inference, weights);
    if (options->weights_as == WEIGHTS_OBJECT) emit_weights_object(add_output(&output, format("%s_weights.S", name)), inference);
    begin_pass(PASS_WRITE);
    return write_output(&output);
}

/* If the weights are exact in bfloat16, dot products of bfloat16 are faster than float32. So targets that have them go first, if the
 * network has convolutions for them and --targets is not given. */
static Inference *compile_targets(const Spec *spec, const Options *options) {
    const bool dots =
        !options->targets_given && precision_has_pairs(options->precision) && !options->big_endian && may_round_operands(spec);
    const Target *wanted[MAX_TARGETS];
    int count = 0;
    if (dots) wanted[count++] = bf16_targets[0];
    for (int i = 0; i < options->target_count; i++) wanted[count++] = options->target[i];
    const int filtering = options->choices.filtering;
    Inference *inference = compile_inference(spec, options->precision, options->recurrence, wanted, count, filtering);
    if (!dots || rounding_code(inference)) return inference;
    return compile_inference(spec, options->precision, options->recurrence, options->target, options->target_count, filtering);
}

/* Returns false after saying why no bundle can be made. */
static bool is_possible(const Spec *spec, const Options *options) {
    const char *why_not = why_no_inference(spec, options->precision);
    for (int i = 0; i < options->target_count && !why_not; i++)
        if (options->target[i]->pairs && !may_round_operands(spec))
            why_not = format("its search goes backwards through the network, which %s does not do; leave that target out",
                             options->target[i]->name);
    if (why_not) fprintf(stderr, "zoetrope: %s: no bundle can be made of it: %s\n", printable(options->spec), why_not);
    return !why_not;
}

int command_inference(Options *options) {
    begin_pass(PASS_SPEC);
    const Spec *spec = read_spec_to_compile(options->spec, stderr);
    if (!spec) return EXIT_INPUT;
    if (!is_possible(spec, options)) return EXIT_INPUT;
    Inference *inference = compile_targets(spec, options);
    if (options->recurrence_given && !spec->hidden)
        fprintf(stderr, "zoetrope: note: %s %s: --recurrence changes nothing\n", spec->name,
                spec->system ? "is a system, whose bundle carries no state from clip to clip" : "has no GRU");
    if (spec->precision == COMPUTE_BF16)
        fprintf(stderr, "zoetrope: note: %s trains in bfloat16; its bundle computes in %s\n", spec->name,
                rounding_code(inference) ? "bfloat16 where the CPU can, else in float32" : "float32");
    if (options->choices.filtering > default_choices.filtering && options->precision != PRECISION_F32)
        fprintf(stderr, "zoetrope: note: weights in %s are not filtered: --filtering is for f32\n", precision_names[options->precision]);
    double **parameters = read_parameters(inference->graph[0], options->weights), **scales;
    const bool good = parameters && round_parameters(inference->graph[0], options->precision, parameters, &scales) &&
                      write_bundle(options, inference, parameters, scales);
    return good ? 0 : EXIT_INPUT;
}
