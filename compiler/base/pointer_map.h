/* pointer_map.h: a hash table from addresses to numbers, for passes that meet shared nodes or want an index for each object. */
#ifndef ZOETROPE_POINTER_MAP_H
#define ZOETROPE_POINTER_MAP_H

#include "base/support.h"

typedef struct PointerMap { /* zero-initialised: empty */
    size_t capacity, count;
    const void **key;
    long *value;
} PointerMap;

/* The place of the key's number, or NULL where the key is not in the map. Valid until the next pointer_map_add. */
long *pointer_map_find(const PointerMap *map, const void *key);
/* The same, but the key is added, with number 0, where it is missing; `*added` (may be NULL) tells. */
long *pointer_map_add(PointerMap *map, const void *key, bool *added);
void pointer_map_clear(PointerMap *map);

#endif
