#include "bundle/inference_kind.h"
const InferenceKind system_kind;
