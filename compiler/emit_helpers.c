/* emit_helpers.c: a target's operations as C, and the helper functions that they need. */
#include "emit.h"

#include <ctype.h>
#include <string.h>

static const Helper *find_helper(const Helper *table, const char *name, size_t length) {
    for (; table->name; table++)
        if (strlen(table->name) == length && strncmp(table->name, name, length) == 0) return table;
    return NULL;
}

void use_helper(HelperSet *set, const Target *target, const char *name) {
    size_t length = strcspn(name, "( ");
    const Helper *helper = find_helper(target->printing->helpers, name, length);
    if (!helper) helper = find_helper(common_helpers, name, length);
    if (!helper) return;
    for (int i = 0; i < set->count; i++)
        if (set->helper[i] == helper) return;
    for (const char *need = helper->needs; need && *need; need += strspn(need, " ")) {
        use_helper(set, target, need);
        need += strcspn(need, " ");
    }
    if (set->count == MAX_HELPERS) die("more than %d helpers", MAX_HELPERS);
    set->helper[set->count++] = helper;
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

void print_helpers(Text *out, const HelperSet *set, const TargetPrinting *printing) {
    for (int i = 0; i < set->count; i++)
        text_add(out, "static inline %s%s\n", printing->attribute ? "TARGET_CODE " : "", set->helper[i]->text);
}
