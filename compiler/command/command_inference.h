/* command_inference.h: the command that writes an inference bundle. */
#ifndef ZOETROPE_COMMAND_INFERENCE_H
#define ZOETROPE_COMMAND_INFERENCE_H

#include "command/options.h"

/* The exit status. */
int command_inference(Options *options);

#endif
