/* emit_target.c: everything that is generated for one target, as a file: helpers, kernels, the programs that call them, and the
 * ModelTarget through which the runtime finds them. */
#include "emit/emit.h"
#include "emit/emitter.h"
#include "emit/template.h"

#include <string.h>

enum { STACK_SCRATCH = 1 << 16 };

/* ---- the start and the end of a file ---- */

static const char threading[] = "#ifdef _OPENMP\n"
                                "#include <omp.h>\n"
                                "#define THREAD_NUMBER omp_get_thread_num()\n"
                                "#else\n"
                                "#define THREAD_NUMBER 0\n"
                                "#endif\n\n";

void emit_prologue(Text *out, const Target *target, const char *about, const char *includes, const HelperSet *helpers) {
    const TargetPrinting *printing = target->printing;
    CBlock *comment = c_block();
    c_comment(comment, about);
    c_print(out, comment, 0);
    text_add(out, "%s\n%s\n", includes, template_text("exact.h"));
    if (printing->condition) text_add(out, "#if %s\n\n", printing->condition);
    text_add(out, "#include <math.h>\n#include <string.h>\n");
    if (printing->include) text_add(out, "#include %s\n", printing->include);
    text_add(out, "\n%s", threading);
    const Extra *extra = extra_of(helpers, printing);
    if (printing->attribute)
        text_add(out,
                 "#if defined(__GNUC__)\n#define TARGET_CODE __attribute__((target(\"%s%s%s\")))\n#else\n#define TARGET_CODE\n#endif\n\n",
                 printing->attribute, extra ? "," : "", extra ? extra->attribute : "");
    if (printing->prelude) text_add(out, "%s\n", printing->prelude);
    print_helpers(out, helpers, printing);
}

void emit_epilogue(Text *out, const Target *target) {
    if (target->printing->condition) text_add(out, "\n#endif\n");
}

/* ---- kernels, each once ---- */

static bool have_equal_code(const File *file, const Kernel *a, const Kernel *b) {
    const Target *target = file->code->target;
    const long stride = file->code->scratch_bytes;
    arena_enter();
    bool equal = strcmp(kernel_essence(a, target, stride), kernel_essence(b, target, stride)) == 0;
    arena_leave();
    return equal;
}

static Printed **bucket_of(File *file, const Kernel *kernel) {
    return &file->printed[hash_bytes(HASH_START, kernel->name, strlen(kernel->name)) % PRINTED_BUCKETS];
}

static void note_printed(File *file, const Kernel *kernel, const char *name) {
    Printed *printed = NEW(Printed), **bucket = bucket_of(file, kernel);
    *printed = (Printed){kernel, name, *bucket};
    *bucket = printed;
}

static const char *find_printed(File *file, const Kernel *kernel) {
    for (const Printed *printed = *bucket_of(file, kernel); printed; printed = printed->next)
        if (printed->kernel == kernel) return printed->name;
    return NULL;
}

/* Two programs may each have a kernel of one name. If the C is the same except for the names of tensors, it is printed once. If not, the
 * name of the later one ends with its program's. */
void add_kernel(File *file, const Program *program, const Kernel *kernel) {
    if (find_printed(file, kernel)) return;
    for (const Printed *printed = *bucket_of(file, kernel); printed; printed = printed->next) {
        if (strcmp(printed->kernel->name, kernel->name) != 0 || !have_equal_code(file, kernel, printed->kernel)) continue;
        note_printed(file, kernel, printed->name);
        return;
    }
    const char *name = kernel->name;
    while (name_set_has(&file->names, name)) name = format("%s_%s", name, program->name);
    name_set_add(&file->names, name);
    note_printed(file, kernel, name);
    arena_enter();
    CBlock *functions = c_block();
    emit_kernel(functions, kernel, name, file->code->target, file->code->scratch_bytes, &file->helpers);
    c_print(&file->kernels, functions, 0);
    arena_leave();
}

/* ---- programs ---- */

/* An argument by its number among those of its role. */
static const char *argument_text(const Signature *signature, const char *name) {
    static const char *const arrays[ROLE_CUT] = {[ROLE_INPUT] = "input", [ROLE_OUTPUT] = "output", [ROLE_LOSS] = "loss"};
    for (int role = 0; role < ROLE_CUT; role++)
        for (int i = 0; i < signature->count[role]; i++) {
            if (strcmp(signature->argument[role][i].name, name) != 0) continue;
            return role == ROLE_LOSS ? format("&step->loss[%d]", i) : format("step->%s[%d]", arrays[role], i);
        }
    die("%s is not in the program's signature", name);
}

static const char *place_text(const Places *places, const Tensor *tensor) {
    const Place place = tensor->place;
    const char *text = place == PLACE_WORKSPACE      ? places->workspace
                       : place == PLACE_WEIGHTS      ? places->weights
                       : place == PLACE_BLOCK        ? places->block
                       : place == PLACE_VALUES       ? places->values
                       : !places->step               ? NULL
                       : place == PLACE_COEFFICIENTS ? "step->coefficients"
                       : places->signature           ? argument_text(places->signature, tensor->field)
                                                     : format("step->%s", tensor->field);
    if (!text) die("this program has no tensors in place %d", (int)place);
    return text;
}

static const CExpression *tensor_argument(const Places *places, const Buffer *buffer, bool written) {
    const Tensor *tensor = buffer->owner;
    if (!tensor) die("tensor %s has no place", buffer->name);
    const char *type = format("%s%s *", written ? "" : "const ", element_type(buffer->type));
    const char *place = place_text(places, tensor);
    bool bytes = tensor->place == PLACE_WORKSPACE || tensor->place == PLACE_BLOCK || tensor->place == PLACE_WEIGHTS;
    long offset = tensor->offset / (bytes ? 1 : type_size(buffer->type));
    const CExpression *address = c_atom("%s", place);
    if (offset) address = c_binary("+", address, c_atom("%ld", offset));
    return bytes ? c_cast(type, address) : address;
}

static void emit_call(File *file, CBlock *out, const Kernel *kernel, const Places *places) {
    const Buffer *buffers[MAX_BUFFERS];
    bool written[MAX_BUFFERS];
    const CExpression *argument[MAX_BUFFERS + 3];
    int count = kernel_buffers(kernel, buffers, written, MAX_BUFFERS), arguments = 0;
    for (int i = 0; i < count; i++) argument[arguments++] = tensor_argument(places, buffers[i], written[i]);
    if (kernel_uses_time(kernel)) argument[arguments++] = c_atom("%s", places->time);
    if (kernel_uses_scratch(kernel)) argument[arguments++] = c_atom("%s", places->scratch);
    argument[arguments++] = c_atom("%s", places->threads);
    c_evaluate(out, c_call(find_printed(file, kernel), arguments, argument));
}

/* The calls in order; consecutive calls of one scan are the body of its loop over time. */
void emit_calls(File *file, CBlock *out, const Program *program, Places places) {
    const Scan *scan = NULL;
    CBlock *block = out;
    for (int i = 0; i < program->call_count; i++) {
        const Call *call = &program->call[i];
        if (call->scan != scan) {
            scan = call->scan;
            if (!scan) block = out;
            else if (scan->reverse) block = c_nested(out, "", "for (ptrdiff_t time = %ld; time-- > 0;)", scan->steps);
            else block = c_for(out, "time", scan->steps);
        }
        places.time = scan ? "time" : "0";
        emit_call(file, block, call->kernel, &places);
        if (places.reports) c_line(block, "done(step, %d);", i);
    }
}

bool program_reads(const Program *program, Place place) {
    for (int i = 0; i < program->call_count; i++) {
        const Buffer *buffers[MAX_BUFFERS];
        bool written[MAX_BUFFERS];
        int count = kernel_buffers(program->call[i].kernel, buffers, written, MAX_BUFFERS);
        for (int b = 0; b < count; b++)
            if (((const Tensor *)buffers[b]->owner)->place == place) return true;
    }
    return false;
}

static void emit_done(File *file) {
    c_comment(file->programs, "Tells whoever measures that this kernel of the step is done.");
    CBlock *body = c_nested(file->programs, "", "static void done(const ModelStep *step, int kernel)");
    c_line(body, "if (step->done) step->done(step->context, kernel);");
    c_blank(file->programs);
}

/* What a program calls, for the ModelTarget. */
static void emit_kernel_table(File *file, const Program *program) {
    if (!program->call_count) return;
    c_comment(file->programs,
              format("What %s calls: name, FLOPs and bytes of memory traffic of a call, calls, whether it multiplies pairs of bfloat16.",
                     program->name));
    CBlock *rows = c_nested(file->programs, ";", "static const ModelKernel %s_kernel[] =", program->name);
    for (int i = 0; i < program->call_count; i++) {
        const Call *call = &program->call[i];
        c_line(rows, "{\"%s\", %.0f.0, %.0f.0, %ld, %s},", find_printed(file, call->kernel), call->kernel->flops, call->kernel->bytes,
               call->scan ? call->scan->steps : 1, kernel_has_pairs(call->kernel) ? "true" : "false");
    }
    c_blank(file->programs);
}

static void emit_step(File *file, const Program *program) {
    c_comment(file->programs, program->comment);
    CBlock *body = c_nested(file->programs, "", "static void %s(const ModelStep *step)", program->name);
    const Places places = {.workspace = "workspace",
                           .step = true,
                           .signature = &program->signature,
                           .reports = true,
                           .scratch = "scratch",
                           .threads = "threads"};
    if (program_reads(program, PLACE_WORKSPACE)) c_line(body, "char *const workspace = step->workspace;");
    if (program_scratch(program)) c_line(body, "char *const scratch = step->scratch;");
    if (program->call_count) c_line(body, "const int threads = step->threads;");
    else c_line(body, "(void)step;");
    emit_calls(file, body, program, places);
    c_blank(file->programs);
}

/* Copies between layouts run on one thread; where their kernels want scratch, it is on the stack. */
static void declare_stack_scratch(CBlock *body, long size) {
    if (size > STACK_SCRATCH) die("a copy between layouts needs %ld bytes of scratch", size);
    if (size) c_line(body, "_Alignas(64) char scratch[%ld];", size);
}

static void emit_renew(File *file) {
    const Program *program = &file->code->renew;
    if (!program->call_count) return;
    c_comment(file->programs, "The copies of the weights in the layouts of other kernels.");
    CBlock *body = c_nested(file->programs, "", "static void renew(char *workspace)");
    declare_stack_scratch(body, program_scratch(program));
    emit_calls(file, body, program, (Places){.workspace = "workspace", .scratch = "scratch", .threads = "1"});
    c_blank(file->programs);
}

typedef struct Copies { /* load, or save */
    const char *name, *workspace_const, *values_const;
    bool loads;
} Copies;

static const Program *copies_of(const Copies *copies, const GroupCode *group, bool parameters) {
    if (copies->loads) return parameters ? &group->load_parameters : &group->load_statistics;
    return parameters ? &group->save_parameters : &group->save_statistics;
}

/* Of a group's block, which is there. */
static void emit_copies_of(File *file, CBlock *body, const Copies *copies, const GroupCode *group) {
    const Places places = {.block = "start", .values = "values", .scratch = "scratch", .threads = "1"};
    const Program *statistics = copies_of(copies, group, false), *parameters = copies_of(copies, group, true);
    if (statistics->call_count) {
        emit_calls(file, c_nested(body, "", "if (block == MODEL_STATISTICS)"), statistics, places);
        if (parameters->call_count) body = c_nested(body, "", "else");
    } else if (file->code->group_count > 1 && parameters->call_count) {
        body = c_nested(body, "", "if (block != MODEL_STATISTICS)");
    }
    emit_calls(file, body, parameters, places);
    if (file->code->group_count == 1 && copies->loads && file->code->renew.call_count)
        c_line(body, "if (block == MODEL_PARAMETERS) renew(workspace);");
}

static bool have_copies(const Copies *copies, const GroupCode *group) {
    return copies_of(copies, group, true)->call_count || copies_of(copies, group, false)->call_count;
}

/* Several groups, one after another; a group may be without the block. */
static void emit_copies_of_groups(File *file, CBlock *body, const Copies *copies, const char *type) {
    const TargetCode *code = file->code;
    for (int g = 0; g < code->group_count; g++) {
        if (!have_copies(copies, &code->group[g])) continue;
        CBlock *of_group = c_nested(body, "", "if (block_offset[%d][block] >= 0)", g);
        c_line(of_group, "%sconst start = (%s)workspace + block_offset[%d][block];", type, type, g);
        emit_copies_of(file, of_group, copies, &code->group[g]);
    }
    if (copies->loads && code->renew.call_count) c_line(body, "if (block == MODEL_PARAMETERS) renew(workspace);");
}

static void emit_copies(File *file, const Copies *copies) {
    const TargetCode *code = file->code;
    long scratch = 0;
    bool any = false;
    for (int g = 0; g < code->group_count; g++)
        for (int parameters = 0; parameters < 2; parameters++) {
            const Program *program = copies_of(copies, &code->group[g], parameters);
            scratch = maximum(scratch, program_scratch(program));
            any = any || program->call_count;
        }
    c_comment(file->programs, format("%s: between file order and this target's layout.", copies->name));
    CBlock *body = c_nested(file->programs, "", "static void %s(%svoid *workspace, ModelBlock block, %sfloat *values)", copies->name,
                            copies->workspace_const, copies->values_const);
    declare_stack_scratch(body, scratch);
    if (!any) {
        c_line(body, "(void)workspace, (void)block, (void)values;");
        return;
    }
    const char *type = format("%schar *", copies->workspace_const);
    if (code->group_count > 1) emit_copies_of_groups(file, body, copies, type);
    else {
        c_line(body, "%sconst start = (%s)workspace + block_offset[block];", type, type);
        emit_copies_of(file, body, copies, &code->group[0]);
    }
    c_blank(file->programs);
}

/* The kernel works on a chunk of pairs; the values of the last one are filled up. */
static void emit_normal(File *file) {
    const Program *program = &file->code->normal;
    long bytes = 0;
    for (int i = 0; i < program->call_count; i++) {
        const Buffer *buffers[MAX_BUFFERS];
        bool written[MAX_BUFFERS];
        int count = kernel_buffers(program->call[i].kernel, buffers, written, MAX_BUFFERS);
        for (int b = 0; b < count; b++) {
            const Tensor *tensor = buffers[b]->owner;
            bytes = maximum(bytes, tensor->offset + tensor->bytes);
        }
    }
    c_comment(file->programs, "2n uniforms to 2n normals, a chunk of pairs at a time.");
    CBlock *body = c_nested(file->programs, "", "static void normal(float *values, size_t n)");
    if (!program->call_count) {
        c_line(body, "(void)values, (void)n;");
        return;
    }
    long pairs = bytes / 8;
    declare_stack_scratch(body, program_scratch(program));
    c_line(body, "_Alignas(64) float chunk[%ld];", 2 * pairs);
    CBlock *loop = c_nested(body, "", "for (size_t done = 0; done < n; done += %ld)", pairs);
    c_line(loop, "const size_t count = n - done < %ld ? n - done : %ld;", pairs, pairs);
    c_line(loop, "for (int i = 0; i < %ld; i++) chunk[i] = 1.0f;", 2 * pairs);
    c_line(loop, "memcpy(chunk, values + done, count * sizeof *chunk);");
    c_line(loop, "memcpy(chunk + %ld, values + n + done, count * sizeof *chunk);", pairs);
    emit_calls(file, loop, program, (Places){.values = "chunk", .scratch = "scratch", .threads = "1"});
    c_line(loop, "memcpy(values + done, chunk, count * sizeof *chunk);");
    c_line(loop, "memcpy(values + n + done, chunk + %ld, count * sizeof *chunk);", pairs);
    c_blank(file->programs);
}

/* ---- the target ---- */

static void emit_available(File *file) {
    const TargetPrinting *printing = file->code->target->printing;
    CBlock *body = c_nested(file->programs, "", "static bool available(void)");
    Text checks = {0};
    for (int i = 0; printing->processor && printing->processor[i]; i++)
        text_add(&checks, "%s__builtin_cpu_supports(\"%s\")", i ? " && " : "", printing->processor[i]);
    if (checks.length) c_line(body, "__builtin_cpu_init();");
    c_line(body, "return %s;", checks.length ? checks.bytes : "true");
    c_blank(file->programs);
}

static void emit_block_offsets(File *file) {
    const TargetCode *code = file->code;
    bool copies = false, averages = code->group_count > 1;
    for (int g = 0; g < code->group_count; g++) {
        const GroupCode *group = &code->group[g];
        copies = copies || group->load_parameters.call_count || group->save_parameters.call_count;
        averages = averages || group->block_offset[BLOCK_AVERAGE] >= 0;
    }
    if (!copies) return;
    const int blocks = averages ? BLOCK_COUNT : BLOCK_COUNT - 1;
    c_comment(
        file->programs,
        format("Where the blocks of parameters, gradients, moments%s statistics%s start in the workspace, in bytes; −1: there is none.",
               averages ? "," : " and", averages ? " and averages" : ""));
    if (code->group_count == 1) {
        c_line(file->programs, "static const ptrdiff_t block_offset[MODEL_BLOCKS] = {%s};", c_numbers(code->group[0].block_offset, blocks));
    } else {
        CBlock *rows = c_nested(file->programs, ";", "static const ptrdiff_t block_offset[%d][MODEL_BLOCKS] =", code->group_count);
        for (int g = 0; g < code->group_count; g++) c_line(rows, "{%s},", c_numbers(code->group[g].block_offset, blocks));
    }
    c_blank(file->programs);
}

/* The programs, in the order of ModelDescription.programs. */
static void emit_program_table(File *file) {
    const TargetCode *code = file->code;
    CBlock *rows = c_nested(file->programs, ";", "static const ModelCode programs[] =");
    for (int i = 0; i < code->program_count; i++) {
        const Program *program = code->program[i];
        if (program->measured && program->call_count)
            c_line(rows, "{%s, %s_kernel, %d},", program->name, program->name, program->call_count);
        else c_line(rows, "{%s, NULL, 0},", program->name);
    }
    c_blank(file->programs);
}

static void emit_model_target(File *file) {
    const TargetCode *code = file->code;
    const char *name = format("%s_%s", file->spec->name, code->target->name);
    c_line(file->programs, "extern const ModelTarget %s;", name);
    CBlock *members = c_nested(file->programs, ";", "const ModelTarget %s =", name);
    c_line(members, ".name = \"%s\",", code->target->name);
    c_line(members, ".available = available,");
    if (code->arithmetic.call_count) c_line(members, ".arithmetic_holds = arithmetic_holds,");
    if (code->tuning) c_line(members, ".tuning = \"%s\",", code->tuning);
    if (code->calls_blas) c_line(members, ".library = library,");
    c_line(members, ".workspace_size = %ld,", code->workspace_bytes);
    c_line(members, ".scratch_size = %ld,", code->scratch_bytes);
    c_line(members, ".load = load,");
    c_line(members, ".save = save,");
    c_line(members, ".program = programs,");
    c_line(members, ".normal = normal,");
}

static void add_kernels_of(File *file, const Program *program) {
    for (int i = 0; i < program->call_count; i++) add_kernel(file, program, program->call[i].kernel);
}

static void add_kernels(File *file) {
    const TargetCode *code = file->code;
    static const char *const taken[] = {"load",     "save",   "renew", "normal", "available", "block_offset", "done", "arithmetic_holds",
                                        "programs", "library"};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) name_set_add(&file->names, taken[i]);
    for (int i = 0; i < code->program_count; i++) {
        name_set_add(&file->names, code->program[i]->name);
        if (code->program[i]->measured) name_set_add(&file->names, format("%s_kernel", code->program[i]->name));
    }
    for (int i = 0; i < code->program_count; i++) add_kernels_of(file, code->program[i]);
    for (int i = 0; i < code->group_count; i++) {
        const GroupCode *group = &code->group[i];
        add_kernels_of(file, &group->load_parameters);
        add_kernels_of(file, &group->save_parameters);
        add_kernels_of(file, &group->load_statistics);
        add_kernels_of(file, &group->save_statistics);
    }
    add_kernels_of(file, &code->renew);
    add_kernels_of(file, &code->normal);
    add_kernels_of(file, &code->arithmetic);
}

void emit_target_file(Text *out, const Spec *spec, const TargetCode *code, const char *options) {
    File *file = NEW(File);
    *file = (File){.spec = spec, .code = code, .kernels = text_begin(), .programs = c_block()};
    add_kernels(file);
    emit_block_offsets(file);
    bool done = false;
    for (int i = 0; i < code->program_count; i++) done = done || code->program[i]->call_count;
    if (done) emit_done(file);
    for (int i = 0; i < code->program_count; i++)
        if (code->program[i]->measured) emit_kernel_table(file, code->program[i]);
    for (int i = 0; i < code->program_count; i++) emit_step(file, code->program[i]);
    emit_renew(file);
    emit_copies(file, &(Copies){"load", "", "const ", true});
    emit_copies(file, &(Copies){"save", "const ", "", false});
    emit_normal(file);
    emit_available(file);
    if (code->arithmetic.call_count) emit_arithmetic(file, "static bool arithmetic_holds(void)");
    if (code->calls_blas) emit_library(file);
    emit_program_table(file);
    emit_model_target(file);
    const char *said = options && *options ? options : "none";
    if (code->tuning) said = format("%s; tuning %s", said, code->tuning);
    const char *about = format("%s_%s.c: %s for %s. Generated by zoetrope: do not edit.\nSpec %s, hash %016llx; options: %s.", spec->name,
                               code->target->name, spec->name, code->target->describes, spec->name, (unsigned long long)spec->hash, said);
    emit_prologue(out, code->target, about, code->calls_blas ? "#include \"model.h\"\n\n#include <cblas.h>\n" : "#include \"model.h\"\n",
                  &file->helpers);
    text_add(out, "%s", file->kernels.bytes);
    c_print(out, file->programs, 0);
    emit_epilogue(out, code->target);
}
