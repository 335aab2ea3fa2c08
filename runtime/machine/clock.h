/* clock.h: measuring time. */
#ifndef ZOETROPE_CLOCK_H
#define ZOETROPE_CLOCK_H

/* Seconds on a clock that only goes forward. */
double clock_seconds(void);

#endif
