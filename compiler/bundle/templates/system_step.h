/* ---- frame by frame ---- */

/* The place in a stream: what its frames draw, and how many there were. A copy of it is a stream of its own. */
typedef struct @name@_stream {
    uint64_t seed, frames;
} @name@_stream;

/* A stream before its first frame. */
void @name@_reset(@name@_stream *stream, uint64_t seed);

/* The next frame of a stream, by itself: out are its parts of the outputs, of SIZE / @T@ values each, and score (one number) is that of a
 * clip of this frame alone. out and score may be NULL. Frame n draws what frame n % @T@ of clip n / @T@ draws from the same seed, so
 * outputs have the bits of whole clips. Returns what evaluate() does; the stream goes on with the next frame in any case. */
int @name@_step(const @name@_model *model, @name@_stream *stream, void *workspace, const float frame[@NAME@_FRAME_SIZE],
                const @name@_outputs *out, double *score);
int @name@_step_u8(const @name@_model *model, @name@_stream *stream, void *workspace, const uint8_t frame[@NAME@_FRAME_SIZE],
                   const @name@_outputs *out, double *score);

