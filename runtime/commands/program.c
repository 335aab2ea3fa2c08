/* program.c: from the command line to a subcommand. */
#include "commands/program.h"

#include "commands/commands.h"
#include "common/file.h"
#include "common/text.h"

#include <signal.h>
#include <stdio.h>

static int run_command(const ModelDescription *model, Command command, const Options *options, Error *error) {
    switch (command) {
    case COMMAND_TRAIN:
        return command_train(model, options, error);
    case COMMAND_RECONSTRUCT:
        return command_reconstruct(model, options, error);
    case COMMAND_SCORE:
        return command_score(model, options, error);
    case COMMAND_STEP:
        return command_step(model, options, error);
    case COMMAND_INFO:
        return command_info(model, options, error);
    case COMMAND_PROFILE:
        return command_profile(model, options, error);
    case COMMAND_COUNT:
        break;
    }
    return EXIT_USAGE;
}

int run_program(const ModelDescription *model, int count, char *const *arguments) {
    Command command;
    Options options;
    Error error = {""};
    int status = EXIT_DONE;
    keep_standard_streams();
    setvbuf(stdout, NULL, _IOLBF, 0); /* a pipe gets each line when it is printed, like a terminal */
    signal(SIGXFSZ, SIG_IGN);         /* a file that exceeds a limit (ulimit -f) is then a write error */
    switch (options_parse(count, arguments, &command, &options, &error)) {
    case PARSE_HELP:
        options_print_help(stdout, model->name, command);
        break;
    case PARSE_VERSION:
        printf("%s, compiled by zoetrope %s from spec %s\n", model->name, model->compiler_version, model->spec_hash);
        break;
    case PARSE_RUN:
        status = run_command(model, command, &options, &error);
        break;
    case PARSE_WRONG:
        status = EXIT_USAGE;
        break;
    }
    options_free(&options);
    if ((fflush(stdout) != 0 || ferror(stdout)) && (status == EXIT_DONE || status == EXIT_INCOMPLETE)) {
        fail(&error, "standard output cannot be written; it is closed, or its disk is full");
        status = EXIT_ERROR;
    }
    if (status != EXIT_DONE && status < EXIT_SIGNAL) print_escaped(stderr, "error: %s", error.text);
    return status;
}
