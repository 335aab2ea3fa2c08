#include "base/pointer_map.h"

#include <string.h>

static size_t slot_of(const PointerMap *map, const void *key) {
    size_t slot = (size_t)(((uint64_t)(uintptr_t)key >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (map->capacity - 1);
    while (map->key[slot] && map->key[slot] != key) slot = (slot + 1) & (map->capacity - 1);
    return slot;
}

long *pointer_map_find(const PointerMap *map, const void *key) {
    if (!map->capacity) return NULL;
    size_t slot = slot_of(map, key);
    return map->key[slot] ? &map->value[slot] : NULL;
}

static void grow(PointerMap *map) {
    PointerMap old = *map;
    map->capacity = old.capacity ? old.capacity * 2 : 64; /* a power of two */
    map->key = NEW_ARRAY(const void *, map->capacity);
    map->value = NEW_ARRAY(long, map->capacity);
    for (size_t i = 0; i < old.capacity; i++) {
        if (!old.key[i]) continue;
        size_t slot = slot_of(map, old.key[i]);
        map->key[slot] = old.key[i];
        map->value[slot] = old.value[i];
    }
}

long *pointer_map_add(PointerMap *map, const void *key, bool *added) {
    if (2 * (map->count + 1) > map->capacity) grow(map);
    size_t slot = slot_of(map, key);
    bool missing = !map->key[slot];
    if (missing) {
        map->key[slot] = key;
        map->value[slot] = 0;
        map->count++;
    }
    if (added) *added = missing;
    return &map->value[slot];
}

void pointer_map_clear(PointerMap *map) {
    if (map->count) memset(map->key, 0, map->capacity * sizeof *map->key);
    map->count = 0;
}
