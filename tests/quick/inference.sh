# Inference bundles: for each spec, one is made from a trainer's weights, compiled as its header promises, and compared with the trainer.
. tests/lib.sh

export OMP_WAIT_POLICY=passive # threads that wait must not spin: 3 threads on 2 processors
warnings="-Wall -Wextra -Wpedantic -Wconversion -Werror"
upper() { echo "$1" | tr '[:lower:]' '[:upper:]'; }

# weights SPEC NAME: trains for a few iterations, so that batch norm has statistics.
weights() {
    make trainer SPEC="$1" && "build/$2/$2" train --iterations 3 --threads 2 --out "$scratch/$2"
}
bundle() { make inference SPEC="$1" WEIGHTS="$3"; }
# Narrow weights are tested on this spec.
narrow_bundle() { # PRECISION
    make inference SPEC=tests/fixtures/parity_small.yaml WEIGHTS="$scratch/parity_small/last.safetensors" PRECISION="$1" &&
        cp -r build/parity_small/inference "$scratch/$1"
}
# The files of all bundles are compiled in one go, as many at a time as there are processors: a line for each, "OBJECT SOURCE FLAGS…". The
# compiler's output is kept beside the object.
list_files() { # NAME FOLDER OBJECTS FLAGS…
    model=$1 folder=$2 objects=$3
    shift 3
    mkdir -p "$objects"
    for file in "$folder/$model"*.c "$folder/main.c"; do
        echo "$objects/$(basename "$file" .c).o $file $* $warnings ${CFLAGS-} -std=c11 -I$folder" # no space at its end: it would join lines
    done
}
compile_all() {
    cat >"$scratch/compile" <<'END'
object=$1 source=$2
shift 2
gcc "$@" -c "$source" -o "$object" 2>"${object%.o}.said" || rm -f "$object"
END
    xargs -P "$(nproc)" -L 1 sh "$scratch/compile" # a failure is seen by compiles()
}
# compiles NAME FOLDER OBJECTS: checks that each file compiled without a warning; then builds the programs: tests/bundle/check.c and the example.
compiles() {
    for file in "$2/$1"*.c "$2/main.c"; do
        object=$3/$(basename "$file" .c).o
        cat "${object%.o}.said" && test -s "$object" || return 1
    done
    mkdir -p "$3/example" && mv "$3/main.o" "$3/example"
    gcc -fopenmp ${CFLAGS-} "$3/example/main.o" "$3"/*.o -lm -o "$3/example/run"
}
compiles_check() { # NAME FOLDER OBJECTS PROGRAM
    compiles "$1" "$2" "$3" &&
        gcc -std=gnu11 -D_GNU_SOURCE -O1 -fopenmp $warnings ${CFLAGS-} -DBUNDLE="$1" -DUPPER="$(upper "$1")" -DBUNDLE_HEADER="\"$1.h\"" \
            -Iruntime "-I$2" tests/bundle/check.c "$3"/*.o build/runtime.a $(pkg-config --libs jansson) -lm -o "$4"
}
# agrees SPEC NAME WEIGHTS
agrees() {
    clips=$(build/zoetrope compile "$1" --dump=spec --targets generic | sed -n 's/^training: {batch: \([0-9]*\).*/\1/p')
    "$scratch/check_$2" batch "$scratch/$2.batch" "$clips" &&
        "build/$2/$2" step --eval --weights "$3" --batch "$scratch/$2.batch" --out "$scratch/$2.eval" &&
        "$scratch/check_$2" compare "build/$2/inference/$2.weights" "$scratch/$2.batch" "$scratch/$2.eval"
}
runs_its_example() { (cd "$2" && "$scratch/objects_$1/example/run" --selftest --threads 2 && "$scratch/objects_$1/example/run"); }
# Failing input and output are errors, and so is a number of threads that is not a number.
its_example_refuses() {
    example=$scratch/objects_tiny/example/run
    for number in abc 2x 0 -1 "" 4294967297 99999999999999; do
        "$example" --threads "$number" build/tiny/inference/tiny.weights 2>"$scratch/said"
        [ $? = 2 ] && grep "a number from 1 to 1024" "$scratch/said" || return 1
    done
    for option in "" --selftest; do
        "$example" $option build/tiny/inference/tiny.weights >/dev/full 2>"$scratch/said" && return 1
        grep "standard output: No space" "$scratch/said" || return 1
    done
    "$example" "$scratch" 2>"$scratch/said" && return 1
    grep "give the file tiny.weights" "$scratch/said"
}
# With the bundle's own Makefile.
makes_its_example() { make -C build/tiny/inference CFLAGS="-O0 $warnings" && make -C build/tiny/inference selftest CFLAGS="-O0 $warnings"; }

# A spec of bfloat16 has a bundle that computes in float32, and is compared in bf16.sh. The bundle of gru_ae is compiled in slow/inference.sh,
# and compared with the trainer and PyTorch in slow/parity.sh.
# shellcheck disable=SC2086 # a pattern, or a list
specs="$(grep -L "precision: bf16\|^version: 2" ${ZOETROPE_SPECS-$(ls specs/*.yaml | grep -v /gru_ae)}) tests/fixtures/parity_small.yaml"
for spec in $specs; do
    model=$(basename "$spec" .yaml)
    check "$model: weights" weights "$spec" "$model"
done
for precision in f16 bf16 int8; do check "parity_small in $precision: the bundle is made" narrow_bundle $precision; done
for spec in $specs; do
    model=$(basename "$spec" .yaml)
    check "$model: the bundle is made" bundle "$spec" "$model" "$scratch/$model/last.safetensors"
done
{
    for spec in $specs; do
        model=$(basename "$spec" .yaml)
        list_files "$model" "build/$model/inference" "$scratch/objects_$model" -O2 -fopenmp
    done
    for precision in f16 bf16 int8; do list_files parity_small "$scratch/$precision" "$scratch/objects_$precision" -O0; done
} | compile_all
for spec in $specs; do
    model=$(basename "$spec" .yaml)
    folder=build/$model/inference
    check "$model: it compiles without a warning" compiles_check "$model" "$folder" "$scratch/objects_$model" "$scratch/check_$model"
    check "$model: within 1e-5 of --eval, streaming gives the bits of clips, on every target" agrees "$spec" "$model" "$scratch/$model/last.safetensors"
    check "$model: its example and its self-test run" runs_its_example "$model" "$folder"
    check "$model: files that are not its weights are refused" "$scratch/check_$model" open "$folder/$model.weights"
done
check "tiny: its example refuses wrong numbers, and reports what it cannot read or print" its_example_refuses
check "tiny: its own Makefile builds its example" makes_its_example
# Narrow weights compute what their rounded values give in double, on every target. Streaming gives the bits of clips.
precise() { # PRECISION
    compiles_check parity_small "$scratch/$1" "$scratch/objects_$1" "$scratch/check_$1" &&
        "$scratch/check_$1" alone "$scratch/$1/parity_small.weights" && "$scratch/check_$1" open "$scratch/$1/parity_small.weights"
}
for precision in f16 bf16 int8; do check "parity_small in $precision: computes what its weights say, on every target" precise $precision; done
# Code of one precision, weights of another. (Biases and the table make a small file larger than a half, or a quarter.)
other_precision_is_an_error() {
    for pair in f16:bf16 f16:int8 bf16:f16 int8:bf16; do
        "$scratch/check_${pair%:*}" alone "$scratch/${pair#*:}/parity_small.weights" 2>"$scratch/said" && return 1
        grep "another precision than this code, which is made for ${pair%:*}" "$scratch/said" || return 1
    done
}
check "weights of another precision are an error" other_precision_is_an_error
no_such_precision() {
    make inference SPEC=specs/tiny.yaml WEIGHTS=x PRECISION=f8 2>"$scratch/said" && return 1
    grep "f32|f16|bf16|int8, not 'f8'" "$scratch/said"
}
check "a precision that does not exist is an error" no_such_precision
small_weights_are_not_filtered() {
    build/zoetrope inference tests/fixtures/parity_small.yaml --weights "$scratch/parity_small/last.safetensors" --precision int8 --filtering 4 \
        --targets generic -o "$scratch/unfiltered" 2>"$scratch/said" && grep "weights in int8 are not filtered" "$scratch/said"
}
check "weights in a precision other than f32 are not filtered, and a message says so" small_weights_are_not_filtered
# Flags that let the compiler reorder sums or round differently change no bits. A mode of the processor that would, or a flag that no source
# can turn off, is an error.
reordering="-O1 -fassociative-math -fno-signed-zeros -fno-trapping-math -freciprocal-math"
two_targets() {
    build/zoetrope inference tests/fixtures/parity_small.yaml --weights "$scratch/parity_small/last.safetensors" --targets generic,avx2 -o "$scratch/two"
}
# bits_of FOLDER OUT COMPILER…: the output of tests/bundle/bits.c; the linker does not get the options.
bits_of() {
    folder=$1 out=$2
    shift 2
    mkdir -p "$out" && for file in "$folder"/parity_small*.c tests/bundle/bits.c; do
        "$@" -std=c11 -DBUNDLE=parity_small -DUPPER=PARITY_SMALL -DBUNDLE_HEADER='"parity_small.h"' "-I$folder" -c "$file" \
            -o "$out/$(basename "$file" .c).o" || return 1
    done
    "$1" "$out"/*.o ${link-} -lm -o "$out/bits" && "$out/bits" "$scratch/two/parity_small.weights" >"$out.bits" && cat "$out.bits"
}
# shellcheck disable=SC2086 # several options
keeps_its_bits() { # COMPILER
    bits_of "$scratch/two" "$scratch/plain_$1" "$1" -O1 && bits_of "$scratch/two" "$scratch/fast_$1" "$1" $reordering && test -s "$scratch/fast_$1.bits" &&
        cmp "$scratch/plain_$1.bits" "$scratch/fast_$1.bits"
}
is_an_error_when_compiled() {
    for flag in -ffast-math -ffinite-math-only; do
        gcc -std=c11 $flag -fsyntax-only "$scratch/two/parity_small_generic.c" 2>"$scratch/said" && return 1
        grep "change what this program computes" "$scratch/said" || return 1
    done
}
# No source can tell clang to keep the sign of a negated zero.
keeps_its_bits_or_says_so() { keeps_its_bits "$1" || all_refused "$scratch/fast_$1.bits"; }
all_refused() { test -s "$1" && ! grep -v "does not compute as C says" "$1"; }
# shellcheck disable=SC2086 # several options
notices_reordering() { # COMPILER: without what tells it not to
    mkdir -p "$scratch/bare" && cp "$scratch/two"/*.[ch] "$scratch/bare" && sed -i '/^#pragma.*\(optimize\|float_control\|clang fp\)/d' "$scratch/bare"/*.c &&
        for flags in "-fassociative-math -fno-signed-zeros -fno-trapping-math" -freciprocal-math; do
            bits_of "$scratch/bare" "$scratch/bare_$1" "$1" -O1 $flags && all_refused "$scratch/bare_$1.bits" || return 1
        done
}
notices_flushing() {
    link=-funsafe-math-optimizations bits_of "$scratch/two" "$scratch/flushed" gcc -O1 && all_refused "$scratch/flushed.bits"
}
check "parity_small: a bundle of two targets" two_targets
check "flags that reorder sums change no bits of a bundle" keeps_its_bits gcc
check "under clang they change no bits, or the bundle is not opened" keeps_its_bits_or_says_so clang
check "flags that assume finite numbers are an error" is_an_error_when_compiled
check "a bundle whose sums are reordered is not opened" notices_reordering gcc
if [ "$(uname -m)" = x86_64 ]; then check "a bundle is not opened if denormals are treated as zero" notices_flushing; fi
first_target_is_the_best() {
    grep -A 1 'case 0:' "$scratch/two/parity_small.c" | grep '"avx2"' &&
        build/zoetrope inference tests/fixtures/parity_small.yaml --weights "$scratch/parity_small/last.safetensors" --targets avx2,generic -o "$scratch/owt" &&
        diff -r "$scratch/two" "$scratch/owt" &&
        build/zoetrope inference tests/fixtures/parity_small.yaml --weights "$scratch/parity_small/last.safetensors" --precision int8 \
            --targets bf16_emulated,generic,avx512,avx512_bf16 -o "$scratch/four" && grep -A 1 'case 0:' "$scratch/four/parity_small.c" | grep '"avx512_bf16"' &&
        grep -A 1 'case 3:' "$scratch/four/parity_small.c" | grep '"bf16_emulated"'
}
check "the best target comes first, whatever the order of --targets" first_target_is_the_best
# Children of fork(), with two bundles. gcc's OpenMP would wait for threads that do not exist.
forks() {
    gcc -std=gnu11 -O1 -fopenmp $warnings ${CFLAGS-} -Ibuild/tiny/inference -Ibuild/frames/inference tests/bundle/fork.c "$scratch/objects_tiny"/*.o \
        "$scratch/objects_frames"/*.o -lm -lpthread -o "$scratch/fork" &&
        "$scratch/fork" build/tiny/inference/tiny.weights build/frames/inference/frames.weights
}
if [ -s "$scratch/objects_frames/frames.o" ]; then check "a child of fork() runs on one thread, or on its own" forks; fi
# The trainer's `score` is the bundle's streaming: the same frames, as PNG files and raw.
scores_agree() {
    folder=$scratch/scores
    mkdir -p "$folder/video" && cc -O2 examples/stream/draw.c -lm -o "$folder/draw" &&
        cc -O2 tests/bundle/pngs.c $(pkg-config --cflags --libs libpng) -o "$folder/pngs" &&
        cc -std=gnu11 -O2 -fopenmp ${CFLAGS-} -Ibuild/tiny/inference examples/stream/stream.c "$scratch/objects_tiny"/*.o -lm -o "$folder/stream" &&
        "$folder/draw" 90 >"$folder/frames" && "$folder/pngs" "$folder/video" 48 48 <"$folder/frames" &&
        build/tiny/tiny score --weights "$scratch/tiny/last.safetensors" --data "$folder/video" --out "$folder/out" &&
        "$folder/stream" build/tiny/inference/tiny.weights "$folder/reconstructions" <"$folder/frames" >"$folder/lines" &&
        tail -n +2 "$folder/out/scores.csv" | sed 's/.*,//' >"$folder/one" && sed 's/.*"score": \(.*\)}/\1/' "$folder/lines" >"$folder/two" &&
        paste "$folder/one" "$folder/two" | awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > 1e-6 || NF != 2) bad = 1 } END { exit bad || NR != 90 }' &&
        test "$(wc -c <"$folder/reconstructions")" = $((90 * 48 * 48)) &&
        grep -q "<svg" "$folder/out/scores.svg" && test -s "$folder/out"/real_worst1_video000_frame*.png
}
# A second run must not overwrite the results of the first.
score_keeps_results() {
    build/tiny/tiny score --weights "$scratch/tiny/last.safetensors" --data "$scratch/scores/video" --out "$scratch/scores/out" 2>"$scratch/said" && return 1
    grep "holds results already" "$scratch/said"
}
half_a_frame_is_an_error() {
    head -c 3000 "$scratch/scores/frames" | "$scratch/scores/stream" build/tiny/inference/tiny.weights 2>"$scratch/said" && return 1
    grep "the last frame has 696 of 2304 bytes" "$scratch/said"
}
other_weights_are_an_error() {
    "$scratch/scores/stream" build/frames/inference/frames.weights </dev/null 2>"$scratch/said" && return 1
    grep "another network" "$scratch/said"
}
check "the trainer's scores are the bundle's" scores_agree
# The loss of quality is a small number, even for weights that were hardly trained.
precision_is_measured() {
    make inference SPEC=tests/fixtures/parity_small.yaml WEIGHTS="$scratch/parity_small/last.safetensors" PRECISION=int8 TARGETS=generic CFLAGS="-O0 ${CFLAGS-}" \
        CLIPS="$scratch/scores/video" >"$scratch/said" && cat "$scratch/said" &&
        sed -n 's/^PSNR of \([0-9]*\) clips: \([0-9.]*\) dB in f32, \([0-9.]*\) dB in int8: \([0-9.]*\) dB \(lost\|gained\)$/\1 \2 \3 \4 \5/p' "$scratch/said" |
        awk '{ lost = $5 == "lost" ? $4 : -$4; seen = $1 > 10 && $2 > 3 && $2 < 60 && $4 < 0.5 && ($2 - $3 - lost) ^ 2 < 0.02 ^ 2 } END { exit !seen }'
}
check "the loss of quality of a precision is measured on clips" precision_is_measured
check "the scores of another run are not overwritten" score_keeps_results
check "frames of another size on standard input are an error" half_a_frame_is_an_error
check "weights of another network are an error" other_weights_are_an_error
done_checking
