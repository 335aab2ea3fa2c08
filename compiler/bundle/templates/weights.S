/* The file @name@.weights as an object: for the C preprocessor and GNU's or LLVM's assembler, where the file is in the include path. */
#if defined(__APPLE__)
    .const
    .globl _@name@_weights
    .balign 64
_@name@_weights:
#else
    .section .rodata
    .globl @name@_weights
    .balign 64
@name@_weights:
#endif
    .incbin "@name@.weights"
#if defined(__linux__) && defined(__ELF__)
    .section .note.GNU-stack,"",%progbits
#endif
