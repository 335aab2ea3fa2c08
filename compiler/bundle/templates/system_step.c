/* ---- frame by frame ---- */

/* Frame number `frame` of a clip, whose draws are in the workspace. */
static void run_frame_of(const @name@_model *model, @name@_call *call, const float *x, long frame, const @name@_outputs *out) {
    give_inputs(call, x);
@frame_inputs@    give_outputs(call, out);
    run_frame(model, call);
}

void @name@_reset(@name@_stream *stream, uint64_t seed) {
    stream->seed = seed;
    stream->frames = 0;
}

int @name@_step(const @name@_model *model, @name@_stream *stream, void *workspace, const float frame[@NAME@_FRAME_SIZE],
                const @name@_outputs *out, double *score) {
    @name@_call call = start_call(model, workspace);
    @name@_draws draws;
    memset(&draws, 0, sizeof draws);
    draws.seed = stream->seed;
    draws.clip = stream->frames / @NAME@_T;
    take_draws(&call, &draws);
    run_frame_of(model, &call, frame, (long)(stream->frames++ % @NAME@_T), out);
    return finish_call(&call, frame, score, 1, @NAME@_T);
}

int @name@_step_u8(const @name@_model *model, @name@_stream *stream, void *workspace, const uint8_t frame[@NAME@_FRAME_SIZE],
                   const @name@_outputs *out, double *score) {
    const @name@_call call = start_call(model, workspace);
    from_bytes(frame, area(&call, CLIP_AREA), 1);
    return @name@_step(model, stream, workspace, area(&call, CLIP_AREA), out, score);
}

