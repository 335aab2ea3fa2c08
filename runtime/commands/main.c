/* main.c: a trainer: the runtime and the one model that it is linked with. */
#include "commands/program.h"

int main(int count, char **arguments) {
    return run_program(&model_description, count, arguments);
}
