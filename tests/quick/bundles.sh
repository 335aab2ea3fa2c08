# Inference bundles of systems: compared with the trainer's `step --eval`, with double precision, and with themselves.
. tests/lib.sh
export OMP_WAIT_POLICY=passive
warnings="-Wall -Wextra -Wpedantic -Wconversion -Werror"
targets=generic
[ "$(uname -m)" = x86_64 ] && targets=avx2,generic

# A system that runs frame by frame: noise of frames, averages, joined values, an output called as a keyword of C, a layer without its norm.
cat >"$scratch/bundled.yaml" <<'END'
version: 2
name: bundled
input: {T: 3, channels: 3, height: 8, width: 8}
noise:
  e: {shape: [2, 3, 4, 4]}
  u: {shape: [2, 3, 4, 4], distribution: uniform, range: [0, 2]}
networks:
  encoder:
    layers:
      - conv: {channels: 9, kernel: 3, stride: 2, padding: 1, norm: batch, activation: relu, dropout: 0.5}
      - conv: {channels: 2, kernel: 3, padding: 1, norm: batch, tap: plain}
  decoder:
    inputs: [code]
    defaults: {norm: batch, bias: false}
    layers:
      - linear: {shape: [9, 4, 4], activation: leaky_relu}
      - norm: batch
      - conv_transpose: {channels: 3, kernel: 3, stride: 2, padding: 1, output_padding: 1, activation: tanh}
  critic:
    layers:
      - conv: {channels: 4, kernel: 3, padding: 1, norm: batch, name: features}
      - linear: {features: 1}
values:
  code: encoder(x)
  y: decoder(code)
  drawn: decoder(add(e, u))
  seen: critic(join(x, y))
losses:
  near: {mse: [y, x]}
  real: {bce_with_logits: ["half(seen, 1)", 1]}
  fake: {bce_with_logits: ["half(seen, 2)", 0]}
  apart: {l1: ["half(seen.features, 1)", "half(seen.features, 2)"], reduce: sum, only: score}
steps:
  - update: {critic: [real, fake]}
  - update: {encoder: near, decoder: near}
outputs: {reconstruction: y, double: encoder(x), plain: code.plain, samples: drawn}
score: {sum: {near: 0.5, apart: 0.01}, per: frame}
average: 0.5
optimizer: {name: adam, learning_rate: 1e-2}
training: {batch: 2, iterations: 4, seed: 1}
END
cp tests/fixtures/systems/anogan.yaml tests/fixtures/systems/recurrent_join.yaml "$scratch"

# fields HEADER PREFIX: those of the struct.
fields() { sed -n "s/^#define [A-Z_0-9]*_$2_SIZE_\([A-Za-z_0-9]*\) .*/\1/p" "$1"; }
# compiles NAME FOLDER PROGRAM FLAGS…: tests/bundle/system.c with the bundle.
compiles() {
    model=$1 folder=$2 program=$3 upper=$(echo "$1" | tr '[:lower:]' '[:upper:]')
    shift 3
    outputs=$(fields "$folder/$model.h" OUTPUT | sed 's/\(.*[^_]\)\(_*\)$/X(\1\2, \1)/' | tr '\n' ' ')
    draws=$(fields "$folder/$model.h" DRAW | sed 's/^noise_\(.*\)/X(noise_\1, noise.\1)/; s/^state_\(.*\)_\([0-9]*\)_\([0-9]*\)$/X(state_\1_\2_\3, state.\1.\2.\3)/' | tr '\n' ' ')
    libraries="build/runtime.a $(pkg-config --libs jansson)"
    case " $* " in *" -DALONE "*) libraries= ;; esac
    # shellcheck disable=SC2086 # several flags
    gcc -std=gnu11 -D_GNU_SOURCE -O1 $warnings ${CFLAGS-} -DBUNDLE="$model" -DUPPER="$upper" -DBUNDLE_HEADER="\"$model.h\"" "-DOUTPUTS=$outputs" \
        "-DDRAWN=$draws" -DHAS_STEP="$(sed -n 's/^#define [A-Z_0-9]*_HAS_STEP \([01]\).*/\1/p' "$folder/$model.h")" -Iruntime "-I$folder" "$@" \
        tests/bundle/system.c "$folder/$model"*.c $libraries -lm -o "$program"
}
trained() { # NAME
    make trainer SPEC="$scratch/$1.yaml" ZOETROPE_OPTIONS="--targets generic" CFLAGS="-O1 ${CFLAGS-}" &&
        "build/$1/$1" train --iterations 3 --threads 1 --out "$scratch/run_$1"
}
bundle() { # NAME FOLDER OPTIONS…
    model=$1 folder=$2
    shift 2
    build/zoetrope inference "$scratch/$model.yaml" --weights "$scratch/run_$model/last.safetensors" --targets "$targets" -o "$folder" "$@"
}
agrees() { # NAME
    clips=$(sed -n 's/^training: {batch: \([0-9]*\).*/\1/p' "$scratch/$1.yaml")
    bundle "$1" "$scratch/$1" && compiles "$1" "$scratch/$1" "$scratch/check_$1" -fopenmp && "$scratch/check_$1" batch "$scratch/$1.batch" "$clips" &&
        "build/$1/$1" step --eval --seed 5 --weights "$scratch/run_$1/last.safetensors" --batch "$scratch/$1.batch" --out "$scratch/$1.eval" &&
        "$scratch/check_$1" compare "$scratch/$1/$1.weights" "$scratch/$1.batch" "$scratch/$1.eval" 5
}
steps_where_it_may() {
    grep -q "^#define BUNDLED_HAS_STEP 1" "$scratch/bundled/bundled.h" &&
        grep -q "no step(): recurrent_join does not run frame by frame, since it searches" "$scratch/recurrent_join/recurrent_join.h" &&
        ! grep -q "recurrent_join_step" "$scratch/recurrent_join/recurrent_join.h"
}
has_no_norm() { ! grep -il "batch_norm" "$scratch/anogan"/anogan_generic.c && grep -q "decoder1_batch_norm" "$scratch/bundled/bundled_generic.c"; }
# That they are taken is seen in how near --eval is, which takes them, too.
takes_averages() {
    build/zoetrope inference "$scratch/bundled.yaml" --weights "$scratch/run_bundled/last.safetensors" -o "$scratch/again" --targets generic 2>"$scratch/said" &&
        ! grep -i "not used" "$scratch/said"
}
is_refused() { # TEXT OPTIONS…
    text=$1
    shift
    build/zoetrope inference "$@" -o "$scratch/no" >"$scratch/said" 2>&1 && return 1
    cat "$scratch/said" && grep -q -- "$text" "$scratch/said" && [ ! -e "$scratch/no" ]
}
as_cpp() {
    for file in "$scratch/bundled"/bundled*.c "$scratch/anogan"/anogan*.c; do
        g++ -x c++ -std=c++17 -O0 -c $warnings -I"$(dirname "$file")" "$file" -o "$scratch/cpp.o" || return 1
    done
}
example_runs() {
    make -C "$scratch/$1" CFLAGS="-O0 $warnings" && (cd "$scratch/$1" && ./example --selftest --threads 2 && ./example | grep " [01]:\? \?.*[0-9]")
}

for model in bundled anogan recurrent_join; do
    check "$model: a trainer and weights" trained "$model"
    check "$model: within 1e-5 of --eval; any number of threads, frames and bytes give the bits of clips; draws are the trainer's" agrees "$model"
    check "$model: files that are not its weights are refused" "$scratch/check_$model" open "$scratch/$model/$model.weights"
done
check "step() is there where frames do not depend on each other, and nowhere else" steps_where_it_may
check "batch norm is folded into what it follows" has_no_norm
check "the averages in a file are not called unused" takes_averages
check "bundles compile as C++ without a warning" as_cpp
for model in bundled anogan; do check "$model: its example and its self-test run" example_runs "$model"; done
check "weights of another system are refused" is_refused "tensors of anogan" "$scratch/anogan.yaml" --weights "$scratch/run_bundled/last.safetensors"
check "a system without outputs and score is refused" is_refused "neither outputs nor a score" tests/fixtures/systems/mean_of_reshape.yaml --weights x
check "a search in int8 is refused" is_refused "take bf16, f16 or f32" "$scratch/anogan.yaml" --weights "$scratch/run_anogan/last.safetensors" --precision int8
precise() { # NAME PRECISION
    bundle "$1" "$scratch/$1_$2" --precision "$2" && compiles "$1" "$scratch/$1_$2" "$scratch/check_$2" -DALONE && "$scratch/check_$2" alone "$scratch/$1_$2/$1.weights"
}
check "bundled in int8: computes what its weights say" precise bundled int8
check "anogan in bf16: computes what its weights say" precise anogan bf16
# A search of each optimizer, with a schedule and with clipping, has the results of double precision.
searches() { # NUMBER OPTIMIZER
    mkdir -p "$scratch/run_search$1" && sed "s/^name: anogan/name: search$1/; s/^search: .*/search: {noise: z, steps: 2, optimizer: {$2}}/; /^initial:/d" "$scratch/anogan.yaml" >"$scratch/search$1.yaml" &&
        build/draw "$scratch/search$1.yaml" "$scratch/run_search$1/last.safetensors" && targets=generic bundle "search$1" "$scratch/search$1" &&
        compiles "search$1" "$scratch/search$1" "$scratch/check_search" -DALONE && "$scratch/check_search" alone "$scratch/search$1/search$1.weights"
}
draws_weights() {
    make build/compiler.a build/runtime.a && cc -std=gnu11 -D_GNU_SOURCE -O1 -fopenmp -Icompiler -Iruntime ${CFLAGS-} tests/bundle/draw.c build/compiler.a build/runtime.a \
        $(pkg-config --libs libavformat libavcodec libswscale libavutil libpng zlib jansson) -lyaml -lpthread -lm -o build/draw
}
check "random weights are drawn" draws_weights
number=0
while read -r optimizer; do
    number=$((number + 1))
    check "a search by $optimizer" searches $number "$optimizer"
done <<'END'
name: adamw, learning_rate: 0.1, weight_decay: 0.1, schedule: {name: cosine, to: 0.1, over: 3}
name: sgd, learning_rate: 0.2, momentum: 0.9, nesterov: true, weight_decay: 0.01, clip_norm: 0.1, schedule: {name: step, gamma: 0.5, at: [1]}
name: rmsprop, learning_rate: 0.02, momentum: 0.5, schedule: {name: exponential, gamma: 0.5, every: 1}
name: adam, learning_rate: 0.1, betas: [0.5, 0.9], weight_decay: 0.01, clip_norm: 0.1, warm_up: 1, schedule: {name: linear, to: 0.2, over: 2}
END
done_checking
