/* ---- frame by frame ---- */

/* The place in a stream: what its frames draw, and how many there were. A copy of it is a stream of its own. */
typedef struct @name@_stream {
    uint64_t seed, frames;
} @name@_stream;

/* A stream before its first frame. */
void @name@_reset(@name@_stream *stream, uint64_t seed);

@step_text@
int @name@_step(const @name@_model *model, @name@_stream *stream, void *workspace, const float frame[@NAME@_FRAME_SIZE],
                const @name@_outputs *out, double *score);
int @name@_step_u8(const @name@_model *model, @name@_stream *stream, void *workspace, const uint8_t frame[@NAME@_FRAME_SIZE],
                   const @name@_outputs *out, double *score);

