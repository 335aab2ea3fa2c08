/* Nothing is larger than what is no number. */
static double larger(double size, double most) {
    return size <= most || most != most ? most : size;
}

static double largest_difference(const float *a, const float *b, long count, double most) {
    for (long i = 0; i < count; i++) {
        const double apart = (double)a[i] - (double)b[i], size = apart < 0 ? -apart : apart;
        most = larger(size, most);
    }
    return most;
}

double @name@_selftest_tolerance(const @name@_model *model) {
    target_description target;
    const int rounds = model && model->memory && describe_target(model->target, &target) && target.rounds;
    return rounds ? @NAME@_SELFTEST_TOLERANCE_BF16 : @NAME@_SELFTEST_TOLERANCE;
}
