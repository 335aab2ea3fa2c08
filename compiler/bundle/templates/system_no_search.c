#define SEARCH_STEPS 0

static void run_clip(const @name@_model *model, @name@_call *call, const float *x, const @name@_outputs *out, long updates) {
    (void)updates;
    give_inputs(call, x);
    give_outputs(call, out);
    run_evaluate(model, call);
}

