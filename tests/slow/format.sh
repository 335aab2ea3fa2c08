# The format of the source, and warnings of two compilers as errors.
. tests/lib.sh

strict="-std=gnu11 -D_GNU_SOURCE -O2 -fopenmp -Icompiler -Iruntime -Ibuild/tests -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Werror"

# shellcheck disable=SC2086 # options
compiles() { for file in $2; do $1 $strict -c "$file" -o "$scratch/object" || return 1; done; }

make build/tests/suites.h
check "every C file is formatted" make check-format
for compiler in gcc clang; do
    for files in "compiler/*/*.c" "runtime/*/*.c" "tests/*.c"; do
        check "${files%%/*}/ compiles under $compiler without a warning" compiles $compiler "$files"
    done
done
done_checking
