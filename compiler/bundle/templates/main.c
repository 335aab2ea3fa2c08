/* main.c: an example. It reads the weights and runs a few frames of a moving square, which the program draws itself.
 *
 *   ./example [--selftest] [--target NAME] [--threads N] [WEIGHTS]     (default: @name@.weights) */
@<main_opening.c@
static void draw_square(float *frame, int number) {
    for (int c = 0; c < @NAME@_CHANNELS; c++)
        for (int h = 0; h < @NAME@_HEIGHT; h++)
            for (int w = 0; w < @NAME@_WIDTH; w++) {
                const int inside = h / 8 == 2 && w / 8 == 1 + number % 4;
                *frame++ = inside ? 0.8f : -0.6f;
            }
}

@<main_open.c@    void *workspace = malloc(@NAME@_WORKSPACE_SIZE(threads));
    float *state = (float *)malloc(sizeof(float) * @NAME@_STATE_SIZE);
    float *frame = (float *)malloc(sizeof(float) * 2 * @NAME@_FRAME_SIZE);
    if (!workspace || !state || !frame) {
        fprintf(stderr, "out of memory\n");
        return 1;
    }
    if (selftest) return run_selftest(&model, workspace);
    @name@_reset(state, 0);
    for (int number = 0; number < 8; number++) {
        double score;
        draw_square(frame, number);
        const int status = @name@_step(&model, state, workspace, frame, frame + @NAME@_FRAME_SIZE, &score);
        if (status) return fail("a frame", status);
        printf("frame %d: score %.6f\n", number, score);
    }
    return finish();
}
