/* The same clip, frame by frame. */
static double frames_apart(const @name@_model *model, @name@_call *call, const float *x, const float *drawn, const float *wanted,
                           const unsigned char *golden, double most) {
    memcpy(area(call, DRAWS_AREA), drawn, sizeof(float) * DRAWS_SIZE);
    for (long frame = 0; frame < @NAME@_T; frame++) {
        run_frame_of(model, call, x + frame * @NAME@_FRAME_SIZE, frame, NULL);
        for (int i = 0; i < RESULTS; i++) {
            const result_place *result = &result_places[i];
            const long part = result->size / @NAME@_T;
            if (result->place < SCORE_PLACE)
                most = apart(results_area(call) + result->place, wanted + result->place + frame * part, part, most);
        }
        if (@NAME@_SCORES == @NAME@_T) most = score_apart(call, golden, frame, 1, most);
    }
    return most;
}

