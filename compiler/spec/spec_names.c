/* spec_names.c: which names a model may have. Its name becomes part of C functions, of files and of folders. */
#include "spec/spec_internal.h"

#include <ctype.h>
#include <string.h>

/* Keywords of C up to C23 and of C++ up to C++23 (generated headers are included from both), with C++'s other spellings. */
static const char *const keywords[] = {
    "alignas",  "alignof",  "and",        "and_eq",        "asm",          "auto",      "bitand",       "bitor",         "bool",
    "break",    "case",     "catch",      "char",          "char8_t",      "char16_t",  "char32_t",     "class",         "compl",
    "concept",  "const",    "const_cast", "consteval",     "constexpr",    "constinit", "continue",     "co_await",      "co_return",
    "co_yield", "decltype", "default",    "delete",        "do",           "double",    "dynamic_cast", "else",          "enum",
    "explicit", "export",   "extern",     "false",         "float",        "for",       "friend",       "goto",          "if",
    "inline",   "int",      "long",       "mutable",       "namespace",    "new",       "noexcept",     "not",           "not_eq",
    "nullptr",  "operator", "or",         "or_eq",         "private",      "protected", "public",       "register",      "reinterpret_cast",
    "requires", "restrict", "return",     "short",         "signed",       "sizeof",    "static",       "static_assert", "static_cast",
    "struct",   "switch",   "template",   "this",          "thread_local", "throw",     "true",         "try",           "typedef",
    "typeid",   "typename", "typeof",     "typeof_unqual", "union",        "unsigned",  "using",        "virtual",       "void",
    "volatile", "wchar_t",  "while",      "xor",           "xor_eq",       NULL};

/* Headers of C, and what these and a bundle's intrinsics include, and C++'s library with them: name.h of a bundle, whose folder is where a
 * compiler looks first, would be taken for them. Those of x86's intrinsics end with "intrin". */
static const char *const headers[] = {
    "alloca",  "arm_bf16",  "arm_fp16", "arm_neon", "byteswap",  "complex", "ctype",        "endian", "features", "fenv",        "inttypes",
    "iso646",  "limits",    "locale",   "math",     "mm_malloc", "omp",     "pthread",      "sched",  "setjmp",   "signal",      "stdalign",
    "stdarg",  "stdatomic", "stdbit",   "stdbool",  "stdckdint", "stddef",  "stdint",       "stdio",  "stdlib",   "stdnoreturn", "string",
    "strings", "tgmath",    "threads",  "time",     "uchar",     "unistd",  "wasm_simd128", "wchar",  "wctype",   NULL};

static bool is_header(const char *name) {
    static const char end[] = "intrin";
    const size_t length = strlen(name), end_length = strlen(end);
    for (int i = 0; headers[i]; i++)
        if (!strcmp(name, headers[i])) return true;
    return length > end_length && !strcmp(name + length - end_length, end);
}

/* Macros and functions that a C environment has before our first line, and words that YAML or our folders have taken. */
static const char *const taken[][2] = {
    {"main", "it is every program's first function"},
    {"linux", "compilers define it as a macro"},
    {"unix", "compilers define it as a macro"},
    {"errno", "it is a macro of C's library"},
    {"NULL", "it is a macro of C's library"},
    {"EOF", "it is a macro of C's library"},
    {"assert", "it is a macro of C's library"},
    {"stdin", "it is a macro of C's library"},
    {"stdout", "it is a macro of C's library"},
    {"stderr", "it is a macro of C's library"},
    {"null", "YAML reads it as nothing"},
    {"Null", "YAML reads it as nothing"},
    {"True", "YAML reads it as a truth value"},
    {"TRUE", "YAML reads it as a truth value"},
    {"False", "YAML reads it as a truth value"},
    {"FALSE", "YAML reads it as a truth value"},
    {"zoetrope", "build/zoetrope is the compiler"},
    {"generated", "a trainer is build/<name>/<name>, and build/<name>/generated/ is the folder of its C"},
    {"inference", "a trainer is build/<name>/<name>, and build/<name>/inference/ is a folder, its bundle"},
    {"I", "it is a macro of C's complex.h"}};

const char *identifier_problem(const char *name) {
    size_t length = strlen(name);
    if (length == 0) return "it is empty";
    if (length > SPEC_NAME_LENGTH) return format("it has %zu characters; %d is the limit", length, SPEC_NAME_LENGTH);
    if (name[0] >= '0' && name[0] <= '9') return "a C identifier does not start with a digit";
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c >= 0x80 || !(isalnum((unsigned char)*c) || *c == '_'))
            return "a C identifier has only letters a-z and A-Z, digits and _";
    return NULL;
}

const char *name_problem(const char *name) {
    const char *problem = name[0] == '_' ? "names that start with _ are reserved in C" : identifier_problem(name);
    if (problem) return problem;
    for (int i = 0; keywords[i]; i++)
        if (!strcmp(name, keywords[i])) return "it is a keyword of C or C++";
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (!strcmp(name, taken[i][0])) return taken[i][1];
    if (is_header(name)) return format("an inference bundle's %s.h would hide the header <%s.h> that compilers come with", name, name);
    return NULL;
}
