# Generated code under two compilers, with several sets of options: no warning, and the fixture's numbers.
. tests/lib.sh

warnings="-Wall -Wextra -Wpedantic -Wconversion -Werror"
fixture=$scratch/fixture

the_sample() { build/zoetrope compile specs/gru_ae.yaml -o "$scratch/gru_ae" && diff -rq "$scratch/gru_ae" generated/gru_ae; }

twice_the_same() {
    build/zoetrope compile "$1" -o "$scratch/one" && build/zoetrope compile "$1" -o "$scratch/two" && diff -r "$scratch/one" "$scratch/two"
}

# shellcheck disable=SC2086 # options
compiles() {
    for file in "build/$2/generated/"*.c; do
        $1 $warnings -Iruntime -c "$file" -o "$scratch/object.o" || return 1
    done
}

# shellcheck disable=SC2086 # options
dumps() {
    cc -std=gnu11 -D_GNU_SOURCE -O1 -fopenmp -Iruntime tests/slow/dump_fixture.c build/parity_small/*.o build/runtime.a \
        $(pkg-config --libs jansson) -lm -o "$scratch/dump" && "$scratch/dump" "$fixture"
}

# shellcheck disable=SC2086 # options
agrees() {
    $1 -Iruntime tests/slow/fixture_step.c build/parity_small/generated/*.c -lm -o "$scratch/step" && "$scratch/step" "$fixture"
}

make trainer SPEC=specs/gru_ae.yaml
make trainer SPEC=tests/fixtures/parity_small.yaml
check "generated/gru_ae/ is what the compiler writes" the_sample
check "two runs of the compiler write the same bytes" twice_the_same specs/colour.yaml
check "the fixture is read" dumps
for compiler in gcc clang; do
    check "gru_ae compiles under $compiler -std=c11 -O2 -fopenmp without a warning" compiles "$compiler -std=c11 -O2 -fopenmp" gru_ae
    check "gru_ae is read by $compiler -std=gnu17 without a warning" compiles "$compiler -std=gnu17 -fsyntax-only" gru_ae
done
# Each compiler with and without OpenMP, and with and without optimisation; without, gcc's intrinsics are macros, which have warnings of their own.
for command in "gcc -std=c11 -O2 -fopenmp" "clang -std=gnu17 -O2"; do
    check "parity_small under $command compiles without a warning and agrees" agrees "$command $warnings"
done
for command in "gcc -std=gnu17 -O0" "clang -std=c11 -O0 -fopenmp"; do check "parity_small under $command agrees" agrees "$command"; done

# A trainer that is built with flags that reorder sums, with its runtime. A program that is linked with them treats denormals as zero.
reordering="-fassociative-math -fno-signed-zeros -fno-trapping-math -freciprocal-math"
# shellcheck disable=SC2046,SC2086 # objects, options
links_reordered() { # PROGRAM OPTION
    gcc -fopenmp $2 "$scratch/reordered"/*.o $(pkg-config --libs libavformat libavcodec libswscale libavutil libpng zlib jansson) -lpthread -lm -o "$1"
}
# shellcheck disable=SC2086 # options
builds_reordered() {
    build/zoetrope compile tests/fixtures/parity_small.yaml --targets generic -o "$scratch/generic" && mkdir -p "$scratch/reordered" || return 1
    for file in runtime/*/*.c "$scratch/generic"/*.c; do
        gcc -std=gnu11 -D_GNU_SOURCE -O1 $reordering -fopenmp -Iruntime -c "$file" -o "$scratch/reordered/$(basename "$file" .c).o" || return 1
    done
    links_reordered "$scratch/trainer" ""
}
trains_the_same() {
    export ZOETROPE_TARGET=generic
    build/parity_small/parity_small train --iterations 5 --threads 2 --out "$scratch/run" && "$scratch/trainer" train --iterations 5 --threads 2 --out "$scratch/again" &&
        cmp "$scratch/run/last.safetensors" "$scratch/again/last.safetensors"
}
# A system, with the runtime that was built before: plain, and with these flags.
# shellcheck disable=SC2086,SC2046 # options, libraries
a_system_trains_the_same() {
    libraries="$(pkg-config --libs libavformat libavcodec libswscale libavutil libpng zlib jansson) -lpthread -lm"
    build/zoetrope compile tests/fixtures/systems/vae_gan.yaml --targets generic -o "$scratch/system" && make build/runtime.a &&
        gcc -std=gnu11 -O1 -fopenmp -Iruntime "$scratch/system"/*.c build/runtime.a $libraries -o "$scratch/system_plain" &&
        rm "$scratch/reordered"/parity_small_*.o && (cd "$scratch/reordered" && gcc -std=gnu11 -O1 $reordering -fopenmp "-I$OLDPWD/runtime" -c "$scratch/system"/*.c) &&
        links_reordered "$scratch/system_reordered" "" || return 1
    for program in plain reordered; do
        "$scratch/system_$program" train --iterations 5 --threads 2 --out "$scratch/run_$program" || return 1
    done
    cmp "$scratch/run_plain/last.safetensors" "$scratch/run_reordered/last.safetensors" && cmp "$scratch/run_plain/last.state.safetensors" "$scratch/run_reordered/last.state.safetensors"
}
refuses_to_flush() {
    links_reordered "$scratch/flushing" -funsafe-math-optimizations && "$scratch/flushing" train --iterations 1 --out "$scratch/flushed" 2>"$scratch/said" && return 1
    grep "does not compute as C says" "$scratch/said"
}
check "a trainer is built with flags that reorder sums" builds_reordered
check "… and trains to the same bits" trains_the_same
if [ "$(uname -m)" = x86_64 ]; then check "a trainer does not start if denormals are treated as zero" refuses_to_flush; fi
check "a system trains to the same bits under flags that reorder sums" a_system_trains_the_same
# Runtime files that compute include exact.h first. peak.c only measures.
runtime_is_exact() {
    for file in $(grep -lwE 'float|double' runtime/*/*.c | grep -v '/peak\.c$'); do
        grep -m 1 '^#include' "$file" | grep -q '"exact.h"' || { echo "$file does not begin with exact.h"; return 1; }
    done
}
check "every file of the runtime that computes includes exact.h first" runtime_is_exact

# aarch64: not the trainer, which needs FFmpeg's libraries, but the model itself, in an emulator.
arm=aarch64-linux-gnu-gcc
runs_on_arm() {
    $arm $warnings -std=c11 -O2 $1 -static -Iruntime tests/slow/fixture_step.c build/parity_small/generated/*.c -lm -o "$scratch/arm" &&
        qemu-aarch64 "$scratch/arm" "$fixture" neon generic
}
check "gru_ae is read by $arm without a warning" compiles "$arm -std=c11 -fopenmp -fsyntax-only" gru_ae
check "parity_small agrees on aarch64, neon and generic, with OpenMP" runs_on_arm -fopenmp
check "parity_small agrees on aarch64, neon and generic, without" runs_on_arm ""
done_checking
