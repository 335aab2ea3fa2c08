/* ---- frame by frame: each frame is a clip ---- */

void @name@_reset(@name@_stream *stream, uint64_t seed) {
    stream->seed = seed;
    stream->frames = 0;
}

int @name@_step(const @name@_model *model, @name@_stream *stream, void *workspace, const float frame[@NAME@_FRAME_SIZE],
                const @name@_outputs *out, double *score) {
    @name@_draws draws;
    memset(&draws, 0, sizeof draws);
    draws.seed = stream->seed;
    draws.clip = stream->frames++;
    return @name@_evaluate_draws(model, workspace, frame, &draws, out, score);
}

int @name@_step_u8(const @name@_model *model, @name@_stream *stream, void *workspace, const uint8_t frame[@NAME@_FRAME_SIZE],
                   const @name@_outputs *out, double *score) {
    const @name@_call call = start_call(model, workspace);
    from_bytes(frame, area(&call, CLIP_AREA), 1);
    return @name@_step(model, stream, workspace, area(&call, CLIP_AREA), out, score);
}

