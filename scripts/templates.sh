#!/bin/sh
# templates.sh FILE…: prints the files as C strings, in a table by name. compiler/emit/template.c looks them up.
set -eu

echo 'typedef struct Template {
    const char *name, *text;
} Template;
extern const Template templates[];
const Template templates[] = {'
for file; do
    echo "    {\"${file##*/}\","
    sed 's/[\\"?]/\\&/g; s/\t/\\t/g; s/^/     "/; s/$/\\n"/' "$file"
    echo '    },'
done
echo '    {0, 0},
};'
