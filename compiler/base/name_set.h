/* name_set.h: a set of names, by hash. Names are not copied. */
#ifndef ZOETROPE_NAME_SET_H
#define ZOETROPE_NAME_SET_H

#include "base/support.h"

typedef struct NameSet { /* zero-initialised: empty */
    int count, capacity;
    const char **slot; /* open addressing; capacity is a power of two */
} NameSet;

bool name_set_has(const NameSet *set, const char *name);
void name_set_add(NameSet *set, const char *name);

#endif
