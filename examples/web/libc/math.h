/* math.h: what a bundle wants of libm: an instruction of WebAssembly. */
#ifndef WEB_MATH_H
#define WEB_MATH_H

#define sqrtf __builtin_sqrtf
#define sqrt __builtin_sqrt

#endif
