/* template.h: files that generated code takes over as they are, or with names filled in: as text in the compiler. */
#ifndef ZOETROPE_TEMPLATE_H
#define ZOETROPE_TEMPLATE_H

/* The text of a file of the bundle's templates, or of runtime/model.h or runtime/exact.h; dies where there is none. */
const char *template_text(const char *name); /* exact.h */

#endif
