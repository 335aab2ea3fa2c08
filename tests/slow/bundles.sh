# Inference bundles of systems: each of specs/, other compilers and machines, sanitizers.
. tests/lib.sh
export OMP_WAIT_POLICY=passive
warnings="-Wall -Wextra -Wpedantic -Wconversion -Werror"
export ASAN_OPTIONS=detect_leaks=0 # the test programs keep what they allocate

make compiler >/dev/null && make build/compiler.a build/runtime.a >/dev/null
# shellcheck disable=SC2046 # objects
draw_is_built() {
    cc -std=gnu11 -D_GNU_SOURCE -O1 -fopenmp -Icompiler -Iruntime ${CFLAGS-} tests/bundle/draw.c build/compiler.a build/runtime.a -lyaml \
        $(pkg-config --libs libavformat libavcodec libswscale libavutil libpng zlib jansson) -lpthread -lm -o "$scratch/draw"
}
check "random weights are drawn" draw_is_built
bundle() { # SPEC NAME OPTIONS…
    spec=$1 model=$2
    shift 2
    "$scratch/draw" "$spec" "$scratch/$model.safetensors" &&
        build/zoetrope inference "$spec" --weights "$scratch/$model.safetensors" -o "$scratch/$model" "$@"
}
# Of anogan, two updates of the search: 500 would only take longer.
ships() { # SPEC NAME
    sed 's/steps: 500,/steps: 2,/' "$1" >"$scratch/$2.yaml" && bundle "$scratch/$2.yaml" "$2" --targets generic &&
        (cd "$scratch/$2" && gcc -std=c11 -O1 -fopenmp $warnings ./*.c -lm -o example && ./example --selftest --threads 2 && ./example) && rm -rf "$scratch/$2" "$scratch/$2.safetensors"
}
for spec in $(grep -l "^version: 2" specs/*.yaml); do
    model=$(basename "$spec" .yaml)
    check "$model: its bundle passes the self-test, and its example runs" ships "$spec" "$model"
done

fields() { sed -n "s/^#define [A-Z_0-9]*_$2_SIZE_\([A-Za-z_0-9]*\) .*/\1/p" "$1"; }
# alone NAME PROGRAM RUNNER COMPILER…: tests/bundle/system.c with the bundle in $scratch/NAME.
alone() {
    model=$1 program=$scratch/$2 runner=$3 upper=$(echo "$1" | tr '[:lower:]' '[:upper:]') header=$scratch/$1/$1.h
    shift 3
    "$@" -DALONE -DBUNDLE="$model" -DUPPER="$upper" -DBUNDLE_HEADER="\"$model.h\"" "-DOUTPUTS=$(fields "$header" OUTPUT | sed 's/.*/X(&, &)/' | tr '\n' ' ')" -DDRAWN= \
        -DHAS_STEP="$(sed -n 's/^#define [A-Z_0-9]*_HAS_STEP \([01]\).*/\1/p' "$header")" "-I$scratch/$model" tests/bundle/system.c "$scratch/$model/$model"*.c -lm \
        -o "$program" && $runner "$program" alone "$scratch/$model/$model.weights" && $runner "$program" open "$scratch/$model/$model.weights"
}
# Nothing but these is asked of libc (gcc makes calls of the first three of loops) and of OpenMP, and no global can be written.
needs_nothing() {
    for file in "$scratch/$1/$1"*.c; do
        gcc -std=c11 -O2 -fopenmp -c "$file" -o "$scratch/object.o" || return 1
        nm -u "$scratch/object.o" | grep -v " \($1_.*\|memcpy\|memset\|memmove\|memcmp\|strcmp\|sqrtf\?\|getpid\|GOMP_.*\|omp_.*\|__cpu_.*\|__stack_chk_fail\|_GLOBAL_OFFSET_TABLE_\)$" && return 1
        nm "$scratch/object.o" | grep -v ' V zoetrope_threads_process$' | grep ' [BbDdCcGgSs] ' && return 1
    done
    return 0
}
for model in anogan recurrent_join; do
    check "$model: the bundle is made" bundle "tests/fixtures/systems/$model.yaml" "$model" --targets neon,generic
    check "$model: it asks for nothing but a few functions of libc" needs_nothing "$model"
    check "$model: clang, without OpenMP" alone "$model" check_clang "" clang -std=c11 -O1 $warnings
    check "$model: under ASan and UBSan" alone "$model" check_sane "" gcc -std=c11 -O1 -fopenmp -fsanitize=address,undefined -fno-sanitize-recover=all
    check "$model: as aarch64" alone "$model" check_arm qemu-aarch64 aarch64-linux-gnu-gcc -std=c11 -O1 -static
done
big() { bundle tests/fixtures/systems/anogan.yaml anogan --endian big --targets generic && alone anogan check_big qemu-s390x s390x-linux-gnu-gcc -std=c11 -O1 -static; }
check "anogan: as s390x, big-endian" big
done_checking
