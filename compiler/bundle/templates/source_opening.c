/* ---- targets ---- */

typedef struct target_description {
    const char *name;
    int available;
    int (*arithmetic_holds)(void);
    uint64_t layout, weight_bytes;
    uint32_t format; /* of the section of weights */
    int rounds;      /* its products are of operands rounded to bfloat16 */
} target_description;

@dispatch@
/* ---- the file of weights; its numbers have this machine's byte order ---- */

enum { HEADER = 64, ENTRY = 64, KIND_WEIGHTS = 1, KIND_GOLDEN = 2, PRECISION = @precision@, RECURRENCE = @recurrence_number@, ROUNDED = @rounding_format@ };

#define MARK UINT32_C(0x01020304)
#define OTHER_MARK UINT32_C(0x04030201)
#define HASH_START UINT64_C(0xcbf29ce484222325)

static uint32_t read_32(const unsigned char *at) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint64_t read_64(const unsigned char *at) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* FNV-1a */
static uint64_t hash_bytes(uint64_t hash, const unsigned char *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static int check_header(const unsigned char *memory, size_t size, uint64_t *sections) {
    if (size < 16 || memcmp(memory, "zoetrope", 8) != 0) return @NAME@_ERROR_FORMAT;
    if (read_32(memory + 8) == OTHER_MARK) return @NAME@_ERROR_ENDIAN;
    if (read_32(memory + 8) != MARK) return @NAME@_ERROR_FORMAT;
    if (read_32(memory + 12) != 2) return @NAME@_ERROR_VERSION;
    if (size < HEADER) return @NAME@_ERROR_TRUNCATED;
    if (read_64(memory + 16) != UINT64_C(0x@hash@)) return @NAME@_ERROR_SPEC;
    if (read_32(memory + 24) != PRECISION) return @NAME@_ERROR_PRECISION;
    if (read_32(memory + 48) != RECURRENCE) return @NAME@_ERROR_RECURRENCE;
    *sections = read_32(memory + 28);
    if (read_64(memory + 32) != size || *sections > (size - HEADER) / ENTRY) return @NAME@_ERROR_TRUNCATED;
    const uint64_t hash = hash_bytes(hash_bytes(HASH_START, memory, 56), memory + HEADER, ENTRY * (size_t)*sections);
    return hash == read_64(memory + 56) ? @NAME@_OK : @NAME@_ERROR_DAMAGED;
}

#define GOLDEN_BYTES @golden_bytes@

/* Where the section of this kind and layout lies, or 0. Only a section that lies in the file as it should is found. */
static size_t find_section(const unsigned char *memory, size_t size, uint64_t sections, uint32_t kind, uint32_t format, uint64_t layout,
                           uint64_t length) {
    const size_t payload = HEADER + ENTRY * (size_t)sections;
    for (size_t i = 0; i < sections; i++) {
        const unsigned char *entry = memory + HEADER + ENTRY * i;
        const uint64_t offset = read_64(entry + 16);
        if (read_32(entry) != kind || read_32(entry + 4) != format || read_64(entry + 8) != layout || read_64(entry + 24) != length) continue;
        if (offset % 64 == 0 && offset >= payload && offset <= size && length <= size - offset) return (size_t)offset;
    }
    return 0;
}

/* Opens target number `number`, if it can run here and its weights are there. */
static int open_number(@name@_model *model, uint64_t sections, int number) {
    target_description target;
    if (!describe_target(number, &target)) return @NAME@_ERROR_TARGET;
    if (!target.available) return @NAME@_ERROR_CPU;
    const size_t weights = find_section(model->memory, model->size, sections, KIND_WEIGHTS, target.format, target.layout, target.weight_bytes);
    if (!weights) return @NAME@_ERROR_SECTION;
    if (!arithmetic_holds() || !target.arithmetic_holds()) return @NAME@_ERROR_ARITHMETIC;
    model->golden = find_section(model->memory, model->size, sections, KIND_GOLDEN, target.rounds ? ROUNDED : 0, 0, GOLDEN_BYTES);
    model->weights = (const char *)model->memory + weights;
    model->target = number;
    return @NAME@_OK;
}

int @name@_model_open_target(@name@_model *model, const void *memory, size_t size, int threads, const char *wanted) {
    uint64_t sections = 0;
    if (!model || !memory || threads < 1) return @NAME@_ERROR_ARGUMENT;
    memset(model, 0, sizeof *model);
    if ((uintptr_t)memory % @NAME@_ALIGNMENT != 0) return @NAME@_ERROR_ALIGNMENT;
    const int error = check_header((const unsigned char *)memory, size, &sections);
    if (error) return error;
    model->memory = (const unsigned char *)memory;
    model->size = size;
    model->threads = threads;
    int reason = @NAME@_ERROR_TARGET;
    for (int number = 0; number < TARGETS; number++) {
        target_description target;
        if (!describe_target(number, &target)) continue;
        if (wanted && strcmp(wanted, target.name) != 0) continue;
        const int result = open_number(model, sections, number);
        if (result == @NAME@_OK) return @NAME@_OK;
        if (result == @NAME@_ERROR_ARITHMETIC || reason != @NAME@_ERROR_SECTION) reason = result;
        if (result == @NAME@_ERROR_ARITHMETIC) break; /* another target would compute as wrongly, or hide that this one does */
    }
    memset(model, 0, sizeof *model);
    return reason;
}

int @name@_model_open(@name@_model *model, const void *memory, size_t size, int threads) {
    return @name@_model_open_target(model, memory, size, threads, NULL);
}

int @name@_model_verify(const @name@_model *model) {
    if (!model || !model->memory) return @NAME@_ERROR_ARGUMENT;
    const size_t payload = HEADER + ENTRY * (size_t)read_32(model->memory + 28);
    const uint64_t hash = hash_bytes(HASH_START, model->memory + payload, model->size - payload);
    return hash == read_64(model->memory + 40) ? @NAME@_OK : @NAME@_ERROR_DAMAGED;
}

const char *@name@_model_target(const @name@_model *model) {
    target_description target;
    return model && model->memory && describe_target(model->target, &target) ? target.name : "none";
}

const char *@name@_error_text(int error) {
    switch (error) {
    case @NAME@_OK: return "ok";
    case @NAME@_ERROR_ARGUMENT: return "a pointer is NULL, or threads is less than 1";
    case @NAME@_ERROR_ALIGNMENT: return "the memory of the weights is not aligned to 64 bytes; map the file, or align the memory that it is read to";
    case @NAME@_ERROR_FORMAT: return "this is not a file of weights; give @name@.weights";
    case @NAME@_ERROR_ENDIAN: return "these weights are for machines of the other byte order; make them with ENDIAN=big, or without it";
    case @NAME@_ERROR_VERSION: return "these weights were made by another version of zoetrope; make code and weights together";
    case @NAME@_ERROR_SPEC: return "these are weights of another network than @name@ (spec hash @hash@)";
    case @NAME@_ERROR_PRECISION: return "these weights have another precision than this code, which is made for @precision_name@";
    case @NAME@_ERROR_TRUNCATED: return "the file of weights was cut short, or something was added to it; copy it again";
    case @NAME@_ERROR_DAMAGED: return "the file of weights is damaged; copy it again";
    case @NAME@_ERROR_TARGET: return "this code has no such target; it has @targets@, as far as this machine's compiler can make them";
    case @NAME@_ERROR_CPU: return "this CPU lacks the instructions of that target; let open() choose, or make one with TARGETS=generic";
    case @NAME@_ERROR_SECTION: return "the file holds no weights for this target; make code and weights together";
    case @NAME@_ERROR_ARITHMETIC:
        return "this build, or this thread, does not compute as C says; compile and link without -ffast-math, -Ofast, "
               "-funsafe-math-optimizations and -ffp-contract=fast, and open the model where denormals are computed with (no FTZ, no DAZ)";
    case @NAME@_ERROR_SELFTEST: return "the self-test came to other numbers than it should: this build, or this machine, computes wrong";
    case @NAME@_ERROR_RECURRENCE: return "these weights were made for another recurrence than this code's, which is @recurrence@; make code and weights together";
    case @NAME@_ERROR_NOT_FINITE: return "@not_finite_remedy@";
    default: return "an error that does not exist";
    }
}

/* ---- threads ---- */

/* A child of fork() has none of its parent's threads, and gcc's OpenMP would wait for them without an end. So the process is kept that ran
 * on several threads first, one for all networks of a program, and any other process runs on one. */
#if defined(_OPENMP) && defined(__GNUC__) && (defined(__unix__) || defined(__APPLE__))
#include <unistd.h>
#ifdef __cplusplus
extern "C" {
#endif
#if defined(__ELF__) || defined(__APPLE__)
extern int zoetrope_threads_process;
__attribute__((weak)) int zoetrope_threads_process = 0;
#else
static int zoetrope_threads_process = 0;
#endif
#ifdef __cplusplus
}
#endif

static int threads_here(int threads) {
    if (threads == 1) return 1;
    const int process = (int)getpid();
    int first = __atomic_load_n(&zoetrope_threads_process, __ATOMIC_RELAXED);
    if (first == 0 && __atomic_compare_exchange_n(&zoetrope_threads_process, &first, process, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return threads;
    return first == process ? threads : 1;
}
#else
static int threads_here(int threads) { return threads; }
#endif
