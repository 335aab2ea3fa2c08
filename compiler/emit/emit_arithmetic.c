/* emit_arithmetic.c: the function that checks whether the compiler and the processor compute as the code is written. */
#include "emit/emitter.h"
#include "lower/lower_arithmetic.h"

static const char *list(const Target *target, long count) {
    Text text = text_begin();
    for (long i = 0; i < count; i++)
        text_add(&text, "%s0x%08xu", i ? ", " : "", target ? arithmetic_output(target, i) : arithmetic_input(i));
    return text.bytes;
}

void emit_arithmetic(File *file, const char *head) {
    const Program *program = &file->code->arithmetic;
    const long inputs = arithmetic_inputs(), outputs = arithmetic_outputs(), lanes = file->code->target->lanes;
    c_comment(file->programs, "Whether operations have the bits that they should: flags of the compiler, or a mode of the processor, may\n"
                              "change them. Nothing is known of a volatile value before the program runs.");
    CBlock *body = c_nested(file->programs, "", "%s", head);
    c_line(body, "const volatile uint32_t given[%ld] = {%s};", inputs, list(NULL, inputs));
    c_line(body, "static const uint32_t wanted[%ld] = {%s};", outputs, list(file->code->target, outputs));
    c_line(body, "_Alignas(64) float values[%ld];", (inputs + outputs) * lanes);
    c_line(body, "uint32_t bits, different = 0;");
    CBlock *fill = c_nested(body, "", "for (int i = 0; i < %ld; i++)", inputs * lanes);
    c_line(fill, "bits = given[i / %ld];", lanes);
    c_line(fill, "memcpy(&values[i], &bits, sizeof bits);");
    c_line(body, "memset(values + %ld, 0, sizeof(float) * %ld);", inputs * lanes, outputs * lanes);
    emit_calls(file, body, program, (Places){.values = "values", .scratch = "NULL", .threads = "1"});
    CBlock *compare = c_nested(body, "", "for (int i = 0; i < %ld; i++)", outputs * lanes);
    c_line(compare, "memcpy(&bits, &values[%ld + i], sizeof bits);", inputs * lanes);
    c_line(compare, "different |= bits ^ wanted[i / %ld];", lanes);
    c_line(body, "#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ > 0");
    c_line(body, "different = 0; /* here C may compute with more digits than a float has */");
    c_line(body, "#endif");
    c_line(body, "return different == 0;");
    c_blank(file->programs);
}
