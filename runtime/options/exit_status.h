/* exit_status.h: the exit statuses of a trainer. */
#ifndef ZOETROPE_EXIT_STATUS_H
#define ZOETROPE_EXIT_STATUS_H

enum {
    EXIT_DONE = 0,
    EXIT_ERROR = 1,
    EXIT_USAGE = 2,
    EXIT_NOT_SAVED = 3,  /* stopped by a signal, and iterations since the last save are lost */
    EXIT_INCOMPLETE = 4, /* done and written, but some of the videos that were asked for have no complete result */
    EXIT_SIGNAL = 128    /* + the signal's number: stopped by it, and saved */
};

#endif
