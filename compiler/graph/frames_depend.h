/* frames_depend.h: can a system run frame by frame? */
#ifndef ZOETROPE_FRAMES_DEPEND_H
#define ZOETROPE_FRAMES_DEPEND_H

#include "spec/system.h"

/* NULL: outputs and score of a frame do not depend on the clip's other frames. Otherwise what makes them depend, for a person to read. */
const char *frames_depend(const Spec *spec);

#endif
