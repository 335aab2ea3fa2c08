/* zoetrope: compiles a network spec to C. compile_spec() is the table of contents: the passes, in order. */
#include "main.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* ---- passes ---- */

typedef struct Clock {
    bool wanted;
    struct timespec started;
} Clock;

static void pass_done(Clock *clock, const char *pass) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double milliseconds = (double)(now.tv_sec - clock->started.tv_sec) * 1e3 + (double)(now.tv_nsec - clock->started.tv_nsec) / 1e6;
    if (clock->wanted) fprintf(stderr, "%-24s %8.1f ms\n", pass, milliseconds);
    clock_gettime(CLOCK_MONOTONIC, &clock->started);
}

static bool dumps(const Options *options, const char *pass) {
    return options->dump && strcmp(options->dump, pass) == 0;
}

static void dump_program(const Program *program, bool scheduled) {
    for (int i = 0; i < program->call_count; i++) {
        Kernel kernel = *program->call[i].kernel;
        if (!scheduled) kernel.tree = NULL;
        print_kernel(stdout, &kernel);
        putchar('\n');
    }
}

static void dump_plan(const TargetCode *code) {
    const Program *programs[] = {&code->train, &code->evaluate};
    printf("%s: %ld bytes kept, %ld in all, %ld a thread\n", code->target->name, code->kept_bytes, code->workspace_bytes,
           code->scratch_bytes);
    for (int p = 0; p < 2; p++)
        for (int i = 0; i < programs[p]->call_count; i++) {
            const Buffer *buffers[64];
            bool written[64];
            int count = kernel_buffers(programs[p]->call[i].kernel, buffers, written, 64);
            printf("%s %d %s\n", programs[p]->name, i, programs[p]->call[i].kernel->name);
            for (int b = 0; b < count; b++) {
                const Tensor *tensor = buffers[b]->owner;
                printf("    %-3s %-40s %12ld bytes at %12ld\n", written[b] ? "out" : "in", buffers[b]->name, tensor->bytes, tensor->offset);
            }
        }
}

Model *compile_spec(const Options *options) {
    Clock clock = {.wanted = options->time};
    clock_gettime(CLOCK_MONOTONIC, &clock.started);
    Model *model = NEW(Model);
    model->spec = read_spec(options->spec, stderr);
    if (!model->spec) return NULL;
    pass_done(&clock, "spec");
    if (dumps(options, "spec")) printf("%s", model->spec->canonical);

    model->training = build_graph(model->spec, true);
    model->evaluation = build_graph(model->spec, false);
    verify_graph(model->training);
    verify_graph(model->evaluation);
    pass_done(&clock, "graph");
    if (dumps(options, "graph")) print_graph(stdout, model->training);

    differentiate(model->training);
    verify_graph(model->training);
    pass_done(&clock, "differentiate");
    if (dumps(options, "differentiate")) print_graph(stdout, model->training);

    for (int i = 0; i < options->target_count; i++) { /* fuse, lower, schedule, verify, plan */
        TargetCode *code = lower_model(model->training, model->evaluation, options->target[i]);
        model->code[model->code_count++] = code;
        pass_done(&clock, format("lower %s", code->target->name));
        if (dumps(options, "lower") && i == 0) dump_program(&code->train, false);
        if (dumps(options, "schedule")) dump_program(&code->train, true);
        if (dumps(options, "plan")) dump_plan(code);
    }
    return model;
}

/* ---- commands ---- */

static int write_output(const Options *options, const char *name, const Text *text) {
    const char *path = format("%s/%s", options->directory, name);
    if (write_file(path, text->bytes, text->length)) return 0;
    fprintf(stderr, "zoetrope: cannot write %s: %s\n", path, strerror(errno));
    return EXIT_INPUT;
}

static bool make_directories(const char *path) {
    char *part = format("%s", path);
    for (char *slash = part + 1; *slash; slash++) {
        if (*slash != '/') continue;
        *slash = 0;
        if (mkdir(part, 0777) != 0 && errno != EEXIST) return false;
        *slash = '/';
    }
    return mkdir(part, 0777) == 0 || errno == EEXIST;
}

static int command_compile(const Options *options) {
    Model *model = compile_spec(options);
    if (!model) return EXIT_INPUT;
    if (options->dump) return 0;
    if (!make_directories(options->directory)) {
        fprintf(stderr, "zoetrope: cannot make the folder %s: %s\n", options->directory, strerror(errno));
        return EXIT_INPUT;
    }
    Clock clock = {.wanted = options->time};
    clock_gettime(CLOCK_MONOTONIC, &clock.started);
    Text names = {0};
    for (int i = 0; i < model->code_count; i++) text_add(&names, "%s%s", i ? "," : "", model->code[i]->target->name);
    const char *said = format("targets %s", names.bytes);
    for (int i = 0; i < model->code_count; i++) {
        Text text = {0};
        emit_target_file(&text, model->training, model->code[i], said);
        int status = write_output(options, format("%s_%s.c", model->spec->name, model->code[i]->target->name), &text);
        if (status) return status;
    }
    Text text = {0};
    emit_model_file(&text, model->training, model->code, model->code_count, said);
    int status = write_output(options, format("%s_model.c", model->spec->name), &text);
    pass_done(&clock, "emit");
    return status;
}

static int command_check(const Options *options) {
    const Spec *spec = read_spec(options->spec, stderr);
    if (!spec) return EXIT_INPUT;
    printf("%s: %s is correct\n", options->spec, spec->name);
    return 0;
}

static int command_explain(const Options *options) {
    Model *model = compile_spec(options);
    if (!model) return EXIT_INPUT;
    explain_model(stdout, model);
    return 0;
}

static int command_documentation(const Options *options) {
    (void)options;
    print_spec_documentation(stdout);
    return 0;
}

int main(int count, char **arguments) {
    static int (*const commands[COMMANDS])(const Options *) = {
        [COMMAND_COMPILE] = command_compile,
        [COMMAND_EXPLAIN] = command_explain,
        [COMMAND_CHECK] = command_check,
        [COMMAND_DOCUMENTATION] = command_documentation,
    };
    Options options;
    int status;
    if (!read_options(count, arguments, &options, &status)) return status;
    status = commands[options.command](&options);
    if (fflush(stdout) == 0 && !ferror(stdout)) return status;
    fprintf(stderr, "zoetrope: cannot write to standard output: %s\n", strerror(errno));
    return EXIT_INPUT;
}
