/* template.h: files that are part of generated code, as they are or with names filled in: as text in the compiler. */
#ifndef ZOETROPE_TEMPLATE_H
#define ZOETROPE_TEMPLATE_H

/* The text of one of the bundle's templates, of runtime/model.h or of runtime/exact.h; dies if there is no such file. */
const char *template_text(const char *name); /* exact.h */

#endif
