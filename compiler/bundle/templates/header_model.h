typedef enum @name@_error {
    @NAME@_OK,
    @NAME@_ERROR_ARGUMENT,  /* a NULL pointer, or fewer than one thread */
    @NAME@_ERROR_ALIGNMENT, /* the weights' memory is not aligned to @NAME@_ALIGNMENT */
    @NAME@_ERROR_FORMAT,    /* no file of weights */
    @NAME@_ERROR_ENDIAN,    /* made for machines of the other byte order */
    @NAME@_ERROR_VERSION,   /* made by another version of zoetrope */
    @NAME@_ERROR_SPEC,      /* weights of another network */
    @NAME@_ERROR_PRECISION, /* weights of another precision than this code's */
    @NAME@_ERROR_TRUNCATED, /* not all of the file is there, or it is not this long */
    @NAME@_ERROR_DAMAGED,   /* a checksum does not agree */
    @NAME@_ERROR_TARGET,    /* no target of that name in this code, or none at all for this machine */
    @NAME@_ERROR_CPU,       /* this CPU lacks the target's instructions */
    @NAME@_ERROR_SECTION,   /* the file holds no weights for the target */
    @NAME@_ERROR_SELFTEST,  /* what came out is not what should have */
    @NAME@_ERROR_RECURRENCE, /* weights of the other recurrence than this code's */
    @NAME@_ERROR_NOT_FINITE, /* @not_finite@ */
    @NAME@_ERROR_ARITHMETIC  /* flags of the compiler, or this thread's mode for denormals, change what is computed */
} @name@_error;

/* An error in words; "ok" for @NAME@_OK. */
const char *@name@_error_text(int error);

/* What open() found out. Its members are nobody else's business. */
typedef struct @name@_model {
    const unsigned char *memory;
    const char *weights;
    size_t size, golden;
    int target, threads;
} @name@_model;
@linked@
/* Opens weights that lie in memory: `size` bytes of a file @name@.weights, mapped or read or linked, which must stay there unchanged. The
 * best target that this CPU has is taken. `threads`: no call uses more than this many; without OpenMP, one. Nothing has to be closed.
 * Checks the header and its checksum, and looks at no weight: returns at once. */
int @name@_model_open(@name@_model *model, const void *memory, size_t size, int threads);
/* The same for one target: "@targets@". */
int @name@_model_open_target(@name@_model *model, const void *memory, size_t size, int threads, const char *target);
/* Reads all weights and compares their checksum. */
int @name@_model_verify(const @name@_model *model);
/* Which target runs. */
const char *@name@_model_target(const @name@_model *model);

/* Runs @selftest_input@ that came with the weights, and compares with what they gave in double precision: does this build, on this CPU, compute what
 * it should? *difference, where that is not NULL, is the largest one of @selftest_of@. */
int @name@_selftest(const @name@_model *model, void *workspace, double *difference);
/* How large that may be on the target that runs. */
double @name@_selftest_tolerance(const @name@_model *model);
