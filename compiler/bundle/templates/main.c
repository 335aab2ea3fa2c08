/* main.c: an example. It reads the weights and runs a few frames of a moving square, which the program draws itself.
 *
 *   ./example [--selftest] [--target NAME] [--threads N] [WEIGHTS]     (default: @name@.weights) */
@<main_opening.c@
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
