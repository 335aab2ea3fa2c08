/* commands.h: the subcommands of a trainer. */
#ifndef ZOETROPE_COMMANDS_H
#define ZOETROPE_COMMANDS_H

#include "model.h"
#include "options/exit_status.h"
#include "options/options.h"

/* Each returns the exit status. If that is not EXIT_DONE or a signal's, the error has the message. */
int command_train(const ModelDescription *model, const Options *options, Error *error);       /* train.c */
int command_reconstruct(const ModelDescription *model, const Options *options, Error *error); /* reconstruct.c */
int command_step(const ModelDescription *model, const Options *options, Error *error);        /* step.c */
int command_info(const ModelDescription *model, const Options *options, Error *error);        /* info.c */
int command_score(const ModelDescription *model, const Options *options, Error *error);       /* score.c */
int command_profile(const ModelDescription *model, const Options *options, Error *error);     /* profile.c */

#endif
