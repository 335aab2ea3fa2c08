static @name@_call start_call(const @name@_model *model, void *workspace) {
    @name@_call call;
    memset(&call, 0, sizeof call);
    call.weights = model->weights;
    call.workspace = (char *)workspace + (64 - (uintptr_t)workspace % 64) % 64;
    call.scratch = call.workspace + WORKSPACE_BYTES;
    call.threads = threads_here(model->threads);
    return call;
}
