/* emit_helpers.c: a target's operations as C, and the helper functions that they need. */
#include "emit/emitter.h"

#include <ctype.h>
#include <string.h>

static const Helper *find_helper(const Helper *table, const char *name, size_t length) {
    for (; table->name; table++)
        if (strlen(table->name) == length && strncmp(table->name, name, length) == 0) return table;
    return NULL;
}

static int position(const HelperSet *set, const Helper *helper) {
    int i = 0;
    while (i < set->count && set->helper[i] != helper) i++;
    return i;
}

static void add_helper(HelperSet *set, const Target *target, const char *name, bool plain_only) {
    if (name[0] == '!') plain_only = true, name++;
    size_t length = strcspn(name, "( ");
    const Helper *const tables[] = {target->printing->helpers, target->printing->narrow, common_helpers, common_narrow}, *helper = NULL;
    for (int i = 0; i < 4 && !helper; i++) helper = find_helper(tables[i], name, length);
    if (!helper) return;
    int i = position(set, helper);
    if (i < set->count && (plain_only || !set->plain_only[i])) return;
    for (const char *need = helper->needs; need && *need; need += strspn(need, " ")) {
        add_helper(set, target, need, plain_only);
        need += strcspn(need, " ");
    }
    i = position(set, helper);
    if (i == MAX_HELPERS) die("more than %d helpers", MAX_HELPERS);
    set->helper[i] = helper;
    set->plain_only[i] = plain_only;
    set->count = i == set->count ? i + 1 : set->count;
}

void use_helper(HelperSet *set, const Target *target, const char *name) {
    add_helper(set, target, name, false);
}

const CExpression *c_operation(Form form, int count, const CExpression *const *operands) {
    if (form[0] == '(') return c_cast(format("%.*s", (int)strlen(form) - 2, form + 1), operands[0]);
    if (!isalpha((unsigned char)form[0]) && form[0] != '_')
        return count == 1 ? c_prefix(form, operands[0]) : c_binary(form, operands[0], operands[1]);
    const char *order = strchr(form, '(');
    if (!order) return c_call(form, count, operands);
    const CExpression *ordered[4];
    for (int i = 0; i < count; i++) ordered[i] = operands[order[1 + 2 * i] - '1'];
    return c_call(format("%.*s", (int)(order - form), form), count, ordered);
}

const Extra *extra_of(const HelperSet *set, const TargetPrinting *printing) {
    for (int i = 0; printing->extra && i < set->count; i++)
        if (strcmp(set->helper[i]->name, printing->extra->helper) == 0) return printing->extra;
    return NULL;
}

void print_helpers(Text *out, const HelperSet *set, const TargetPrinting *printing) {
    for (int i = 0; i < set->count; i++) {
        if (set->plain_only[i]) text_add(out, "#ifndef VECTOR_EXTENSION\n");
        text_add(out, "static inline %s%s", printing->attribute ? "TARGET_CODE " : "", set->helper[i]->text);
        text_add(out, set->plain_only[i] ? "#endif\n\n" : "\n");
    }
}
