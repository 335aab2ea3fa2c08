/* version.h: the compiler's version. A build may define another. */
#ifndef ZOETROPE_VERSION
#define ZOETROPE_VERSION "0.1.0"
#endif
