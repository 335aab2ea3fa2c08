#include "emit/template.h"

#include "base/support.h"

#include <string.h>

typedef struct Template {
    const char *name, *text;
} Template;
extern const Template templates[]; /* made by scripts/templates.sh */

const char *template_text(const char *name) {
    const Template *template = templates;
    while (template->name && strcmp(template->name, name) != 0) template ++;
    if (!template->name) die("there is no template %s", name);
    return template->text;
}
