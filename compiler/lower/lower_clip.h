/* lower_clip.h: the norm of a group's gradient. */
#ifndef ZOETROPE_LOWER_CLIP_H
#define ZOETROPE_LOWER_CLIP_H

#include "lower/lowering.h"

/* The kernels that compute by how much the group's gradient is scaled, as torch.nn.utils.clip_grad_norm_ does (PyTorch 2.13):
 * min(1, clip_norm / (‖gradient‖ + 1e-6)), with the norm over all its parameters. Returns that factor, for the update to read. */
const Expression *lower_clip(Lowering *l, const ParameterGroup *group);

#endif
