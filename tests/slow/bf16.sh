# `precision: bf16`: the emulation of dot products has the bits of the instruction, on every shape; it learns what float32 learns; and a CPU
# without the instruction gets an error.
. tests/lib.sh

export OMP_WAIT_POLICY=passive
bf16=$scratch/bf16.yaml
# Channels that are not whole vectors, an odd number of images, phases without taps, a side with few channels.
write_spec() { # NAME PRECISION
    cat >"$scratch/$1.yaml" <<EOF
version: 1
name: $1
input: {T: 3, channels: 1, height: 12, width: 18}
encoder:
  - conv: {channels: 19, kernel: [3, 5], padding: [1, 2], bias: false, norm: batch, activation: relu}
  - conv: {channels: 41, kernel: 3, stride: 2, padding: 1, activation: leaky_relu}
  - conv: {channels: 64, kernel: 1, stride: [2, 1], bias: false, norm: batch, activation: relu}
latent: 24
gru: {hidden: 20, initial_state: normal}
decoder:
  - conv_transpose: {channels: 33, kernel: [2, 3], stride: [2, 1], padding: [0, 1], bias: false, norm: batch, activation: relu}
  - conv_transpose: {channels: 7, kernel: 4, stride: 2, padding: 1, activation: relu}
  - conv: {channels: 1, kernel: 3, padding: 1, activation: tanh}
loss: mse
precision: $2
optimizer: {name: adam, learning_rate: 1e-3}
training: {batch: 3, iterations: 60, strips_every: 60, seed: 1}
EOF
}
build() { # NAME: its trainer, in $scratch
    build/zoetrope compile "$scratch/$1.yaml" -o "$scratch/$1" $2 &&
        cc -std=gnu11 -O1 -fopenmp -Iruntime "$scratch/$1"/*.c build/runtime.a -o "$scratch/$1/$1" \
            $(pkg-config --libs libavformat libavcodec libswscale libavutil libpng zlib jansson) -lpthread -lm
}
train() { "$scratch/bf16/bf16" train "$@"; }
last_loss() { tail -n 1 "$scratch/$1/metrics.jsonl" | sed 's/.*"loss": *\([0-9.e+-]*\).*/\1/'; }
emulates() {
    ZOETROPE_TARGET=bf16_emulated train --iterations 5 --threads 2 --out "$scratch/emulated" &&
        ZOETROPE_TARGET=avx512_bf16 train --iterations 5 --threads 3 --out "$scratch/instruction" &&
        cmp "$scratch/emulated/last.safetensors" "$scratch/instruction/last.safetensors"
}
threads() {
    train --iterations 5 --threads 1 --out "$scratch/one" && train --iterations 5 --threads 5 --out "$scratch/five" &&
        cmp "$scratch/one/last.safetensors" "$scratch/five/last.safetensors"
}
# 60 iterations from the same weights on the same clips: the loss is within 5%, but not the same.
learns() {
    train --out "$scratch/learned" && "$scratch/f32/f32" train --out "$scratch/learned_f32" &&
        awk -v a="$(last_loss learned)" -v b="$(last_loss learned_f32)" \
            'BEGIN { print a, b; exit !(a != b && a < 1.05 * b && b < 1.05 * a) }'
}
refused() { # TEXT COMMAND…
    wanted=$1
    shift
    ! "$@" >"$scratch/said" 2>&1 && grep -q "$wanted" "$scratch/said"
}
lacks() { # a trainer that has nothing for this CPU says what is missing, and what to do
    sed 's/__builtin_cpu_supports([^)]*)/false/g' "$scratch/bf16/bf16_avx512_bf16.c" >"$scratch/lacking.c" &&
        mkdir -p "$scratch/plain" && build/zoetrope compile "$bf16" -o "$scratch/plain" &&
        cp "$scratch/lacking.c" "$scratch/plain/bf16_avx512_bf16.c" &&
        cc -std=gnu11 -O0 -fopenmp -Iruntime "$scratch/plain"/*.c build/runtime.a -o "$scratch/plain/bf16" \
            $(pkg-config --libs libavformat libavcodec libswscale libavutil libpng zlib jansson) -lpthread -lm &&
        refused 'lacks AVX512-BF16.*precision: f32.*--targets bf16_emulated' "$scratch/plain/bf16" info
}

make compiler && make build/runtime.a
write_spec bf16 bf16
write_spec f32 f32
check "a trainer of bfloat16 is built, with the emulation" build bf16 "--targets avx512_bf16,bf16_emulated"
check "bits do not depend on the number of threads" threads
if "$scratch/bf16/bf16" info | grep -q '^target *avx512_bf16'; then
    check "the emulation has the bits of the instruction" emulates
    check "the same trainer of float32 is built" build f32 "--targets avx512"
    check "it learns in 60 iterations what float32 learns" learns
fi
check "a CPU without AVX512-BF16 gets an error" lacks
check "a target of float32 is refused for bfloat16" refused "avx512_bf16, bf16_emulated" \
    build/zoetrope compile "$bf16" -o "$scratch/no" --targets avx2
check "a target of bfloat16 is refused for float32" refused "whose precision is f32" \
    build/zoetrope compile specs/tiny.yaml -o "$scratch/no" --targets avx512_bf16
bundle() {
    train --iterations 1 --out "$scratch/once" &&
        build/zoetrope inference "$bf16" --weights "$scratch/once/last.safetensors" -o "$scratch/bundle" --targets generic 2>"$scratch/note" &&
        grep -q 'computes in float32' "$scratch/note" &&
        build/zoetrope inference "$bf16" --weights "$scratch/once/last.safetensors" -o "$scratch/small" --targets generic --precision int8 \
            2>"$scratch/note" && grep -q 'computes in float32' "$scratch/note" &&
        cc -std=c11 -O1 "$scratch/bundle"/*.c -lm -o "$scratch/bundle/example"
}
check "its bundle computes in float32, and a message says so" bundle
# A bundle in bf16 or int8 multiplies in bfloat16 if the CPU can, with the bits of the emulation.
dots() { # PRECISION
    folder=$scratch/dots_$1
    build/zoetrope inference "$bf16" --weights "$scratch/once/last.safetensors" --precision "$1" -o "$folder" \
        --targets avx512_bf16,bf16_emulated,generic && rm "$folder/main.c" &&
        cc -std=gnu11 -D_GNU_SOURCE -O1 -fopenmp -DBUNDLE=bf16 -DUPPER=BF16 -DBUNDLE_HEADER='"bf16.h"' -Iruntime "-I$folder" tests/bundle/check.c \
            "$folder"/*.c build/runtime.a $(pkg-config --libs jansson) -lm -o "$folder/check" && "$folder/check" alone "$folder/bf16.weights"
}
same_bits() { # PRECISION
    folder=$scratch/dots_$1
    "$folder/check" batch "$scratch/batch" 2 || return 1
    for target in avx512_bf16 bf16_emulated; do
        "$folder/check" recon "$folder/bf16.weights" "$scratch/batch" "$folder/$target.out" $target || return 1
    done
    cmp "$folder/avx512_bf16.out" "$folder/bf16_emulated.out"
}
for precision in bf16 int8; do
    check "a bundle in $precision computes what its weights say, streaming gives the bits of clips, also with dot products" dots $precision
    if "$scratch/bf16/bf16" info | grep -q '^target *avx512_bf16'; then check "its emulation has the bits of the instruction" same_bits $precision; fi
done
not_for_float32() {
    ! build/zoetrope inference "$bf16" --weights "$scratch/once/last.safetensors" -o "$scratch/no" --targets avx512_bf16 >"$scratch/said" 2>&1 &&
        grep -q 'say --precision bf16 or int8 too' "$scratch/said"
}
check "dot products of bfloat16 are refused for weights of float32" not_for_float32
check "explain shows the target" sh -c "build/zoetrope explain '$bf16' --kernels | grep -q '^  avx512_bf16 '"
done_checking
