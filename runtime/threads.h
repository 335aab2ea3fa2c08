/* threads.h: how many threads can there be? */
#ifndef ZOETROPE_THREADS_H
#define ZOETROPE_THREADS_H

/* Starts up to `wanted` threads that do nothing, and ends them. Returns how many there were at a time. OpenMP ends the program where it
 * cannot start one, in the middle of a step; so it is better known before. */
int threads_that_start(int wanted);

#endif
