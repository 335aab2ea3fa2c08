# Inference bundles: every compiler that its README promises, sanitizers, other machines, hostile files, and random specs.
. tests/lib.sh

warnings="-Wall -Wextra -Wpedantic -Wconversion -Werror"
export ASAN_OPTIONS=detect_leaks=0 # the test programs keep what they allocate
upper() { echo "$1" | tr '[:lower:]' '[:upper:]'; }

make compiler >/dev/null && make build/compiler.a build/runtime.a >/dev/null
# shellcheck disable=SC2046 # objects
draw_is_built() {
    cc -std=gnu11 -D_GNU_SOURCE -O1 -fopenmp -Icompiler -Iruntime tests/bundle/draw.c build/compiler.a build/runtime.a -lyaml \
        $(pkg-config --libs jansson) -lm -o "$scratch/draw"
}
# bundle SPEC NAME OPTIONS…: makes a bundle with random weights in $scratch/NAME
bundle() {
    spec=$1 model=$2
    shift 2
    "$scratch/draw" "$spec" "$scratch/$model.safetensors" &&
        build/zoetrope inference "$spec" --weights "$scratch/$model.safetensors" -o "$scratch/$model" "$@"
}
# built NAME PROGRAM COMPILER…: builds tests/bundle/check.c with the bundle in $scratch/NAME
built() {
    model=$1 program=$2
    shift 2
    "$@" -DALONE -DBUNDLE="$model" -DUPPER="$(upper "$model")" -DBUNDLE_HEADER="\"$model.h\"" "-I$scratch/$model" tests/bundle/check.c \
        "$scratch/$model/$model"*.c -lm -o "$scratch/$program"
}
# runs NAME PROGRAM [EMULATOR] [WEIGHTS]
runs() {
    weights=${4:-$scratch/$1/$1.weights}
    ${3-} "$scratch/$2" alone "$weights" && ${3-} "$scratch/$2" open "$weights"
}
agrees() {
    built "$1" check "$2" -std=c11 -O2 $warnings ${3-} && runs "$1" check && $2 -std=c11 -O2 $warnings "$scratch/$1/main.c" -c -o "$scratch/main.o"
}

compiles() { # NAME COMPILER…: each file of the folder
    for file in "$scratch/$1"/*.c; do
        $2 -O2 $warnings -c "$file" -o "$scratch/object.o" || return 1
    done
}
# The bundle's objects, by gcc with OpenMP, and the stack that each function needs.
objects() {
    mkdir -p "$scratch/objects_$1"
    for file in "$scratch/$1/$1"*.c; do
        (cd "$scratch/objects_$1" && gcc -std=c11 -O2 -fopenmp -fstack-usage -c "$file" -o "$(basename "$file" .c).o") || return 1
    done
}
# Global symbols begin with the name, and none is writable (data or bss), except the id of the process that uses threads.
symbols_are_clean() {
    for file in "$scratch/objects_$1"/*.o; do
        nm "$file" | grep -v ' V zoetrope_threads_process$' | awk -v name="$1_" '$2 ~ /^[BbDdCcGgSs]$/ { print "writable: " $0; bad = 1 }
            $2 ~ /^[A-Z]$/ && $2 != "U" && index($3, name) != 1 { print "not prefixed: " $0; bad = 1 } END { exit bad }' || return 1
    done
    sed -n 's/^#define \([A-Za-z_0-9]*\).*/\1/p' "$scratch/$1/$1.h" | grep -v "^$(upper "$1")_" && return 1
    return 0
}
# The promise is for every level of optimisation except -O0, under both compilers. (clang does not report dynamic stack.)
stack_is_small_at() { # LEVEL COMPILER
    mkdir -p "$scratch/objects_$2$1" && for file in "$scratch/parity_small/parity_small"*.c; do
        (cd "$scratch/objects_$2$1" && $2 -std=c11 "$1" -fopenmp -fstack-usage -c "$file" -o "$(basename "$file" .c).o") || return 1
    done
    stack_is_small "$2$1"
}
# Including the stack of the C library and of the program itself.
runs_on_a_small_stack() {
    built parity_small small_stack gcc -std=c11 -O1 -fopenmp && (ulimit -s 128 && OMP_STACKSIZE=128k runs parity_small small_stack)
}
# gcc's numbers are the most that a function needs, if they are static or bounded (an aligned local).
stack_is_small() {
    for file in "$scratch/objects_$1"/*.su; do
        sort -t '	' -k 2 -n "$file" | tail -n 1
        awk -F '\t' '$2 >= 65536 || ($3 != "static" && $3 != "dynamic,bounded") { print; bad = 1 } END { exit bad }' "$file" || return 1
    done
}
pair_runs() {
    gcc -std=gnu11 -O2 $warnings "-I$scratch/tiny" "-I$scratch/frames" tests/bundle/pair.c "$scratch"/tiny/tiny*.c "$scratch"/frames/frames*.c -lm \
        -o "$scratch/pair" && "$scratch/pair" "$scratch/tiny/tiny.weights" "$scratch/frames/frames.weights"
}
# Flags that reorder sums change no bits on other machines either.
reorders_elsewhere() { # COMPILER EMULATOR
    for flags in -O2 "-O2 -fassociative-math -fno-signed-zeros -fno-trapping-math -freciprocal-math"; do
        # shellcheck disable=SC2086 # several options
        "$1" -std=c11 $flags -static -DBUNDLE=parity_small -DUPPER=PARITY_SMALL -DBUNDLE_HEADER='"parity_small.h"' "-I$scratch/parity_small" \
            tests/bundle/bits.c "$scratch/parity_small/parity_small"*.c -lm -o "$scratch/bits" &&
            "$2" "$scratch/bits" "$scratch/parity_small/parity_small.weights" | tee "$scratch/bits.${flags##* }" || return 1
    done
    test -s "$scratch/bits.-O2" && cmp "$scratch/bits.-O2" "$scratch/bits.-freciprocal-math"
}
# On another machine: neon if it has it, else generic.
runs_elsewhere() { # NAME COMPILER EMULATOR [WEIGHTS]
    built "$1" elsewhere "$2" -std=c11 -O2 -static $warnings && runs "$1" elsewhere "$3" "${4-}"
}
refused() { # BYTES OF THE OTHER ORDER
    "$scratch/parity_small/example" --selftest "$scratch/big/parity_small.weights" >"$scratch/said" 2>&1 && return 1
    grep 'the other byte order' "$scratch/said"
}

links() { # object|array COMPILER
    rm -rf "$scratch/linked" && build/zoetrope inference specs/frames.yaml --weights "$scratch/frames.safetensors" --targets generic \
        --weights-as "$1" -o "$scratch/linked" &&
        $2 -std=c11 -O1 $warnings "-I$scratch/linked" tests/bundle/link.c "$scratch"/linked/frames*.[cS] -lm -o "$scratch/link" && "$scratch/link"
}
too_large_for_an_array() {
    build/zoetrope inference specs/gru_ae.yaml --weights "$scratch/gru_ae.safetensors" --weights-as array -o "$scratch/large" 2>"$scratch/said" && return 1
    grep "too many for a C array" "$scratch/said" && test ! -e "$scratch/large"
}

check "random weights can be drawn" draw_is_built
check "a bundle of tiny" bundle specs/tiny.yaml tiny
check "a bundle of frames" bundle specs/frames.yaml frames
check "a bundle of parity_small" bundle tests/fixtures/parity_small.yaml parity_small
check "a bundle of gru_ae" bundle specs/gru_ae.yaml gru_ae
# As C++; as C, if it is run.
for compiler in "g++ -x c++ -std=c++17" "clang++ -x c++ -std=c++17"; do
    for openmp in "" -fopenmp; do
        check "parity_small: $compiler $openmp has no warning" compiles parity_small "$compiler $openmp"
    done
done
check "gru_ae: gcc -std=c11 -fopenmp has no warning" compiles gru_ae "gcc -std=c11 -fopenmp" # it takes long, and differs only in numbers
check "gru_ae: clang++ -x c++ -std=c++17 has no warning" compiles gru_ae "clang++ -x c++ -std=c++17"
for model in tiny parity_small frames; do
    for compiler in gcc clang; do
        for openmp in "" -fopenmp; do check "$model under $compiler $openmp computes what it should" agrees $model $compiler $openmp; done
    done
    for compiler in gcc clang; do
        check "$model under $compiler with sanitizers is built" built $model sanitized $compiler -std=c11 -O1 -g \
            -fsanitize=address,undefined -fno-sanitize-recover=all
        check "$model under $compiler with sanitizers runs" runs $model sanitized
    done
done
# The weights that one target needs, at most, in per cent of the network's in float32.
shrinks() { # PRECISION TARGET MOST
    build/zoetrope inference specs/gru_ae.yaml --weights "$scratch/gru_ae.safetensors" --precision "$1" --targets "$2" -o "$scratch/small" &&
        small=$(wc -c <"$scratch/small/gru_ae.weights") && large=$(wc -c <"$scratch/gru_ae.safetensors") && echo "$small of $large bytes" &&
        test $((small * 100)) -lt $((large * $3))
}
check "gru_ae.weights in f16 is half as large" shrinks f16 avx512 52
check "gru_ae.weights in bf16 is half as large" shrinks bf16 avx512 52
check "gru_ae.weights in bf16, for dot products, is half as large" shrinks bf16 avx512_bf16 52
check "gru_ae.weights in int8 is a quarter as large" shrinks int8 avx512 27
check "gru_ae.weights in int8, for dot products, is a quarter as large" shrinks int8 avx512_bf16 27
for model in tiny parity_small frames gru_ae; do
    check "$model: objects" objects $model
    check "$model: symbols begin with its name, and none is writable" symbols_are_clean $model
    check "$model needs less than 64 KiB of stack" stack_is_small $model
done
for compiler in gcc clang; do
    for level in -O1 -Os -O3; do check "parity_small needs less than 64 KiB of stack under $compiler $level" stack_is_small_at $level $compiler; done
done
check "parity_small runs on a stack of 128 KiB" runs_on_a_small_stack
check "two bundles fit in one program, and do not call malloc" pair_runs
check "hostile files of weights do no harm" sh tests/fuzz.sh "${FUZZ_SECONDS:-20}"
for compiler in gcc clang; do
    for form in object array; do check "weights are linked as an $form under $compiler" links $form $compiler; done
done
check "weights that are too large for an array are refused" too_large_for_an_array
check "weights of the other byte order are made" build/zoetrope inference tests/fixtures/parity_small.yaml --endian big \
    --weights "$scratch/parity_small.safetensors" -o "$scratch/big" --targets generic
check "the example is built" make -C "$scratch/parity_small"
check "weights of the other byte order are refused" refused
for machine in aarch64-linux-gnu-gcc:qemu-aarch64 arm-linux-gnueabihf-gcc:qemu-arm riscv64-linux-gnu-gcc:qemu-riscv64; do
    check "parity_small runs as ${machine%%-*}" runs_elsewhere parity_small "${machine%:*}" "${machine#*:}"
done
for machine in aarch64-linux-gnu-gcc:qemu-aarch64 arm-linux-gnueabihf-gcc:qemu-arm; do
    check "flags that reorder sums change no bits as ${machine%%-*}" reorders_elsewhere "${machine%:*}" "${machine#*:}"
done
check "parity_small runs as s390x, big-endian" runs_elsewhere parity_small s390x-linux-gnu-gcc qemu-s390x "$scratch/big/parity_small.weights"
# Each target has its own code to read narrow weights, in its byte order. (-O1: compiling and running take half as long as with -O0.)
narrow_elsewhere() { # COMPILER EMULATOR ENDIAN TARGETS
    drawn=$scratch/parity_small.safetensors
    scratch=$scratch/narrow # only here: check() runs it by itself
    for precision in f16 bf16 int8; do
        [ $precision = f16 ] && targets=$4 || targets=bf16_emulated,$4
        build/zoetrope inference tests/fixtures/parity_small.yaml --weights "$drawn" --precision $precision --endian "$3" --targets "$targets" \
            -o "$scratch/parity_small" && built parity_small elsewhere "$1" -std=c11 -O1 -static && runs parity_small elsewhere "$2" || return 1
    done
}
while read -r compiler emulator endian list; do
    check "parity_small in f16, bf16 and int8 runs as ${compiler%%-*}" narrow_elsewhere "$compiler" "$emulator" "$endian" "$list"
done <<'END'
aarch64-linux-gnu-gcc qemu-aarch64 little neon,generic
arm-linux-gnueabihf-gcc qemu-arm little generic
riscv64-linux-gnu-gcc qemu-riscv64 little generic
s390x-linux-gnu-gcc qemu-s390x big generic
END
# avx2 reads halves with F16C, which the CPU may lack.
needs_f16c() {
    bundle tests/fixtures/parity_small.yaml parity_small --precision f16 --targets avx2,generic && built parity_small halves gcc -std=c11 -O1 -static &&
        qemu-x86_64 -cpu max "$scratch/halves" alone "$scratch/parity_small/parity_small.weights" >"$scratch/with" &&
        qemu-x86_64 -cpu max,-f16c "$scratch/halves" alone "$scratch/parity_small/parity_small.weights" >"$scratch/without" &&
        cat "$scratch/with" "$scratch/without" && grep -q '^avx2:' "$scratch/with" && grep -q '^generic:' "$scratch/without" &&
        ! grep -q '^avx2:' "$scratch/without"
}
if [ "$(uname -m)" = x86_64 ]; then check "a CPU without F16C refuses halves" needs_f16c; fi

# ZOETROPE_RANDOM_SPECS=30 takes half an hour.
check "random specs are drawn" scripts/python.sh tests/parity/random_specs.py --out "$scratch/specs" --count "${ZOETROPE_RANDOM_SPECS:-8}" --seed 7
# In each precision, and with each recurrence, in turn; in float32, make parity compares bundles of random specs with the trainers.
random_spec() { # SPEC NAME PRECISION RECURRENCE COMPILER…
    spec=$1 model=$2 precision=$3 recurrence=$4
    shift 4
    bundle "$spec" "$model" --precision "$precision" --recurrence "$recurrence" && built "$model" "check_$model" "$@" -std=c11 -O1 $warnings && runs "$model" "check_$model"
}
number=0
for spec in "$scratch"/specs/*.yaml; do
    model=$(sed -n 's/^name: *\([A-Za-z_0-9]*\).*/\1/p' "$spec")
    number=$((number + 1))
    precision=$(echo f16 bf16 int8 | cut -d ' ' -f $((number % 3 + 1)))
    recurrence=$(echo window carried | cut -d ' ' -f $((number % 2 + 1)))
    compiler=$(echo "gcc -fopenmp,clang,gcc,clang -fopenmp" | cut -d , -f $((number % 4 + 1)))
    # shellcheck disable=SC2086 # a compiler and an option
    check "random spec $model in $precision, $recurrence, $compiler: within 1e-5 of double precision, streaming gives the bits of clips" \
        random_spec "$spec" "$model" $precision $recurrence $compiler
done
done_checking
