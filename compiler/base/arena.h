/* arena.h: memory for the life of a compilation, or of a part of it. */
#ifndef ZOETROPE_ARENA_H
#define ZOETROPE_ARENA_H

#include <stddef.h>

/* Returns zeroed memory from the innermost arena, never NULL: when memory runs out, the program ends with a message. Nothing is freed one
 * by one. arena_leave() frees all that was allocated since the matching arena_enter(); memory that is allocated outside of any such pair
 * lives until the process ends. So data that must outlive an arena has to be allocated before arena_enter(), or has to be a Text that was
 * begun before it. */
void *arena_allocate(size_t size);
void arena_enter(void);
void arena_leave(void);
#define NEW(type) ((type *)arena_allocate(sizeof(type)))
#define NEW_ARRAY(type, count) ((type *)arena_allocate(sizeof(type) * (size_t)(count)))
/* Makes room for one more element in an array of `count` elements with room for `capacity`, both int. A full array is copied to one of
 * twice the size. */
#define MAKE_ROOM(array, count, capacity) ((array) = arena_grow((array), (count), &(capacity), sizeof *(array)))
void *arena_grow(void *array, int count, int *capacity, size_t size);

/* For data that grows in the arena in which it was begun: the number of the innermost arena; memory from a given arena; and memory
 * returned to it. Returned memory is freed at once if it has a block of its own, and by arena_leave() if not. */
int arena_innermost(void);
void *arena_allocate_in(int arena, size_t size);
void arena_give_back(int arena, const void *bytes);

#endif
