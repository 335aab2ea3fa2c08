int main(int count, char **arguments) {
    const char *path = "@name@.weights", *target = NULL;
    int threads = 1, selftest = 0;
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--selftest") == 0) selftest = 1;
        else if (strcmp(arguments[i], "--target") == 0 && i + 1 < count) target = arguments[++i];
        else if (strcmp(arguments[i], "--threads") == 0 && i + 1 < count) threads = read_threads(arguments[++i]);
        else if (arguments[i][0] != '-') path = arguments[i];
        else {
            fprintf(stderr, "usage: %s [--selftest] [--target NAME] [--threads N] [WEIGHTS]\n", arguments[0]);
            return 2;
        }
    }
    if (threads == 0) {
        fprintf(stderr, "--threads wants a number from 1 to 1024\n");
        return 2;
    }
    size_t size = 0;
    const void *weights = read_file(path, &size);
    if (!weights) {
        fprintf(stderr, "cannot read %s; give the file @name@.weights that was made with this code\n", path);
        return 1;
    }
    @name@_model model;
    const int error = @name@_model_open_target(&model, weights, size, threads, target);
    if (error) return fail(path, error);
