/* character_names.h: what Unicode calls a character, and what stands in ASCII for it. */
#ifndef ZOETROPE_CHARACTER_NAMES_H
#define ZOETROPE_CHARACTER_NAMES_H

#include <stdint.h>

/* "U+00A0 NO-BREAK SPACE"; of a character whose name is not known here, "U+15C3". */
const char *character_name(uint32_t character);
/* The ASCII that was probably meant by a character that looks like it or is its like ("": nothing, "\n": a line break); NULL: none. */
const char *character_instead(uint32_t character);

#endif
