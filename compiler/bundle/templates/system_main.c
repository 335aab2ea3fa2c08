/* main.c: an example. It reads the weights and evaluates a few @what@ of a moving square, which the program draws itself.
 *
 *   ./example [--selftest] [--target NAME] [--threads N] [WEIGHTS]     (default: @name@.weights) */
@<main_opening.c@
@<main_open.c@    void *workspace = malloc(@NAME@_WORKSPACE_SIZE(threads));
    float *clip = (float *)malloc(sizeof(float) * @NAME@_CLIP_SIZE);
    if (!workspace || !clip) {
        fprintf(stderr, "out of memory\n");
        return 1;
    }
    if (selftest) return run_selftest(&model, workspace);
    for (int number = 0; number < @example_clips@; number++) {
        double score[@NAME@_SCORES + 1];
        for (int t = 0; t < @NAME@_T; t++) draw_square(clip + t * @NAME@_FRAME_SIZE, number + t);
        const int status = @name@_evaluate(&model, workspace, clip, 0, NULL, score);
        if (status) return fail("@clip_text@", status);
        printf("@clip_noun@ %d:", number);
        for (int i = 0; i < @NAME@_SCORES; i++) printf(" %.6f", score[i]);
        printf("\n");
    }
    return finish();
}
