/* Bytes of workspace for a model opened for so many threads, whichever target runs. Any alignment will do. */
#define @NAME@_WORKSPACE_SIZE(threads) ((size_t)@workspace_size@ + (size_t)@scratch_size@ * (size_t)(threads))
#define @NAME@_MODEL_SIZE (sizeof(@name@_model))
#define @NAME@_WEIGHTS_SIZE @weights_size@ /* bytes of the file @name@.weights that came with this header */
#define @NAME@_ALIGNMENT 64 /* of the memory that holds the weights */
