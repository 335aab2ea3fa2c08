/* pointer_map.h: a hash table from addresses to numbers. Passes use it to visit shared nodes once, or to give each object an index. */
#ifndef ZOETROPE_POINTER_MAP_H
#define ZOETROPE_POINTER_MAP_H

#include "base/support.h"

typedef struct PointerMap { /* zero-initialised: empty */
    size_t capacity, count;
    const void **key;
    long *value;
} PointerMap;

/* Returns the place of the key's number, or NULL if the key is missing. It stays valid until the next pointer_map_add(). */
long *pointer_map_find(const PointerMap *map, const void *key);
/* The same, but adds a missing key, with number 0. *added says whether it was missing; `added` may be NULL. */
long *pointer_map_add(PointerMap *map, const void *key, bool *added);
void pointer_map_clear(PointerMap *map);

#endif
