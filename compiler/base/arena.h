/* arena.h: memory for the life of a compilation, or of a part of it. */
#ifndef ZOETROPE_ARENA_H
#define ZOETROPE_ARENA_H

#include <stddef.h>

/* Zeroed memory from the innermost arena; never NULL (running out of memory ends the program with a message). Nothing is freed by
 * itself: arena_leave() gives back all that was allocated since the arena_enter() before it, and what is allocated outside of any such
 * pair lives until the process ends. So whoever enters an arena knows what outlives it: all that does was allocated before, or is text. */
void *arena_allocate(size_t size);
void arena_enter(void);
void arena_leave(void);
#define NEW(type) ((type *)arena_allocate(sizeof(type)))
#define NEW_ARRAY(type, count) ((type *)arena_allocate(sizeof(type) * (size_t)(count)))
/* Room for one more in an array of `count` that has room for `capacity`, both int. Where there is none, it becomes a copy with twice the
 * room. */
#define MAKE_ROOM(array, count, capacity) ((array) = arena_grow((array), (count), &(capacity), sizeof *(array)))
void *arena_grow(void *array, int count, int *capacity, size_t size);

/* For what grows in the arena in which it was begun: the number of the innermost one, memory from one, and memory given back to it, where
 * that has a block of its own; the rest waits for arena_leave(). */
int arena_innermost(void);
void *arena_allocate_in(int arena, size_t size);
void arena_give_back(int arena, const void *bytes);

#endif
