/* Arenas: memory for the life of a compilation, or of a part of it. */
#include "base/arena.h"

#include "base/support.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 16, BLOCK_SIZE = (1 << 18) - ALIGNMENT, MAX_ARENAS = 8 };

typedef struct MemoryBlock { /* its `size` bytes follow it */
    struct MemoryBlock *next;
    size_t size;
} MemoryBlock;

typedef struct Arena {
    MemoryBlock *blocks; /* of BLOCK_SIZE, the one being filled first */
    char *next, *end;    /* the rest of the first block */
    MemoryBlock *large;  /* larger blocks, each with a single allocation */
} Arena;

static Arena arenas[MAX_ARENAS];
static int innermost;
static MemoryBlock *spare; /* given back, of BLOCK_SIZE and zeroed */

/* Lets a sanitizer report any use of memory that an arena has freed. */
#ifdef __SANITIZE_ADDRESS__
static const bool keeps_spare = false;
#else
static const bool keeps_spare = true;
#endif

static char *start_of(MemoryBlock *block) {
    return (char *)(block + 1);
}

static MemoryBlock *new_block(size_t size) {
    MemoryBlock *block = spare;
    if (block && size == BLOCK_SIZE) {
        spare = block->next;
        return block;
    }
    block = calloc(1, sizeof *block + size);
    if (!block) {
        fprintf(stderr, "zoetrope: out of memory\n");
        exit(1);
    }
    block->size = size;
    return block;
}

static void *allocate_in(Arena *arena, size_t size) {
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (size > BLOCK_SIZE) {
        MemoryBlock *block = new_block(size);
        block->next = arena->large;
        arena->large = block;
        return start_of(block);
    }
    if (size > (size_t)(arena->end - arena->next)) {
        MemoryBlock *block = new_block(BLOCK_SIZE);
        block->next = arena->blocks;
        arena->blocks = block;
        arena->next = start_of(block);
        arena->end = arena->next + BLOCK_SIZE;
    }
    void *result = arena->next;
    arena->next += size;
    return result;
}

void arena_give_back(int arena, const void *bytes) {
    for (MemoryBlock **block = &arenas[arena].large; *block; block = &(*block)->next) {
        if (start_of(*block) != bytes) continue;
        MemoryBlock *found = *block;
        *block = found->next;
        free(found);
        return;
    }
}

void *arena_allocate(size_t size) {
    return allocate_in(&arenas[innermost], size);
}

int arena_innermost(void) {
    return innermost;
}

void *arena_allocate_in(int arena, size_t size) {
    return allocate_in(&arenas[arena], size);
}

void arena_enter(void) {
    if (++innermost == MAX_ARENAS) die("more than %d nested arenas", MAX_ARENAS);
}

void arena_leave(void) {
    if (innermost == 0) die("an arena is left that was not entered");
    Arena *arena = &arenas[innermost--];
    for (MemoryBlock *block = arena->large, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    for (MemoryBlock *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        if (!keeps_spare) {
            free(block);
            continue;
        }
        memset(start_of(block), 0, block == arena->blocks ? (size_t)(arena->next - start_of(block)) : BLOCK_SIZE);
        block->next = spare;
        spare = block;
    }
    *arena = (Arena){0};
}

void *arena_grow(void *array, int count, int *capacity, size_t size) {
    if (count < *capacity) return array;
    *capacity = *capacity ? 2 * *capacity : 16;
    void *larger = arena_allocate((size_t)*capacity * size);
    if (count) memcpy(larger, array, (size_t)count * size);
    return larger;
}
