/* stream_template_keys.c: what the templates of version 1 say of a network's state and of a stream's past. */
#include "bundle/stream_inference.h"

#include <string.h>

/* The header's text about a stream's past and about bad frames, if there is a GRU. */
static const struct {
    const char *past, *recovery, *readme;
} recurrence_texts[RECURRENCES] = {
    [RECURRENCE_WINDOW] =
        {"A frame's past is a window, the last T frames, as in the clips of training: its\n"
         " * reconstruction and score are those of the last frame of the clip that ends with it, to the bit, however old the "
         "stream is. The first\n * T - 1 frames have the shorter past that they have.",
         "Such a frame is not remembered:\n * after it the past begins anew, as at the start of a stream.",
         "the last T frames, as in the clips of training; scores do not depend on how old the stream is"},
    [RECURRENCE_CARRIED] = {"A frame's past is the whole stream: the GRU's state is carried for ever, beyond what\n"
                            " * training saw of it, which was T frames. Scores may drift.",
                            "Such a frame is not remembered:\n * the state stays as it was before it.",
                            "all of the stream, which is more than training saw: scores may drift"},
};

/* The texts about the state: its start, and how it continues. */
int stream_template_keys(const Inference *inference, Key *keys) {
    const Spec *spec = inference->spec;
    const bool gru = spec->hidden > 0;
    const Key all[] = {
        {"not_finite", "a frame's score, or what the network remembers of it, is no finite number"},
        {"not_finite_remedy",
         "the frame's score, or the state that it leaves, is not a finite number; the stream goes on with the next frame"},
        {"selftest_input", "frames"},
        {"selftest_of", "a pixel"},
        {"golden_bytes", format("((size_t)8 * GOLDEN_FRAMES + (size_t)8 * GOLDEN_FRAMES * %s_FRAME_SIZE + (size_t)4 * %s_H0_SIZE)",
                                upper_case(spec->name), upper_case(spec->name))},
        {"uniform_stream", "of the stream of initial states"},
        {"layers", format("%d", gru ? spec->gru_layers : 0)},
        {"hidden", format("%d", spec->hidden)},
        {"latent_size", format("%ld", inference->latent_elements)},
        {"code_size", format("%ld", inference->code_elements)},
        {"h0_size", format("%ld", inference->h0_elements)},
        {"state_size", format("%ld", state_elements(inference))},
        {"runs", format("%ld", inference->runs)},
        {"window", format("%d", has_window(inference))},
        {"recurrence", gru ? recurrence_names[inference->recurrence] : "none"},
        {"recurrence_number", format("%d", (int)inference->recurrence)},
        {"state_text", gru ? "" : "; there is none: it is neither read nor written"},
        {"recurrence_text", gru ? recurrence_texts[inference->recurrence].past : "This network has no GRU: no frame has a past."},
        {"readme_recurrence", gru ? recurrence_texts[inference->recurrence].readme : "each frame is scored by itself"},
        {"recovery_text", gru ? recurrence_texts[inference->recurrence].recovery : "Nothing of it is remembered."},
        {"reset_text", !gru               ? "There is nothing to reset."
                       : inference->draws ? "Seed 0: from zeros, the mean of what training drew. Another seed: from a draw of N(0, 1), as "
                                            "initial_state() gives it."
                                          : "From zeros, as in training; the seed does nothing."},
        {"h0_text", inference->draws ? "Another seed: a draw of N(0, 1), as training draws, a function of the seed."
                                     : "So does every other: this network starts from zeros."},
        {"advance_text", gru ? "The GRU: from a frame's latent, and the latents before it, to the frame's code. The state moves on."
                             : "Without a GRU: the code is the latent."},
    };
    _Static_assert(sizeof all / sizeof *all <= MAX_KEYS, "more keys than there is room for");
    memcpy(keys, all, sizeof all);
    return (int)(sizeof all / sizeof *all);
}

void define_stream(Text *out, const Inference *inference) {
    text_add(out, "#define INITIAL_STATE_NORMAL %d\n#define NORMAL_CHUNK %d\n", inference->draws, NORMAL_CHUNK);
    text_add(out, "#define GOLDEN_FRAMES %d\n#define GOLDEN_FIRST %ld\n", GOLDEN_FRAMES, golden_first(inference->spec));
}
