# Systems of language version 2, from the spec to a run: training, resuming, `step`, frozen networks.
. tests/lib.sh
export OMP_WAIT_POLICY=passive

# spec NAME FROZEN UPDATED: two networks, of which z may be frozen; a noise and a dropout that no step reads.
spec() {
    cat >"$scratch/$1.yaml" <<END
version: 2
name: $1
input: {T: 3, channels: 1, height: 8, width: 8}
noise:
  e: {shape: [1, 3, 8, 8]}
  unread: {shape: [2], distribution: uniform, range: [0, 2]}
networks:
  a:
    layers:
      - conv: {channels: 2, kernel: 3, padding: 1, norm: batch, dropout: 0.5}
      - conv: {channels: 1, kernel: 3, padding: 1}
  z:
    frozen: $2
    layers:
      - conv: {channels: 1, kernel: 3, padding: 1, dropout: 0.5}
values:
  noisy: add(x, e)
  y: a(noisy)
  never: a(x)
  other: z(y)
losses:
  near: {mse: [y, x]}
  far: {l1: [other, x]}
  clean: {l1: [never, x], only: score}
steps:
  - update: {$3}
    times: 2
  - update: {a: near}
    noise: kept
    batch: next
    every: 2
outputs: {reconstruction: never, other: z(never)}
score: {sum: {clean: 1}, per: frame}
average: 0.9
optimizer: {name: adam, learning_rate: 1e-2, schedule: {name: step, gamma: 0.5, at: [4, 8]}, clip_norm: 1}
training: {batch: 2, iterations: 12, strips_every: 5, seed: 1}
END
}
builds() { make trainer SPEC="$scratch/$1.yaml" ZOETROPE_OPTIONS="--targets generic" CFLAGS="-O1 ${CFLAGS-}"; }
spec test_system false "a: near, z: far" && spec test_frozen true "a: [near, far]"
check "systems are built" eval 'builds test_system && builds test_frozen'

system=build/test_system/test_system frozen=build/test_frozen/test_frozen
same_files() { for file in last.safetensors last.state.safetensors recon_itr11_no0.png; do cmp "$1/$file" "$2/$file" || return 1; done; }
goes_on() {
    "$system" train --out "$scratch/whole" --threads 1 && "$system" train --out "$scratch/parts" --iterations 3 --threads 2 &&
        "$system" train --out "$scratch/parts" --iterations 8 --resume && "$system" train --out "$scratch/parts" --resume &&
        same_files "$scratch/whole" "$scratch/parts" && [ "$(wc -l <"$scratch/parts/metrics.jsonl")" = 12 ] &&
        [ "$(grep -c '"step1.loss.near": ' "$scratch/parts/metrics.jsonl")" = 6 ] && grep -q '>step0.near' "$scratch/whole/loss.svg"
}
check "a run that is stopped and goes on has the bits of one that is not" goes_on

# batch FILE NAME SHAPE COUNT …: a safetensors file of F32 zeros.
batch() {
    file=$1 at=0 header=
    shift
    while [ $# -gt 0 ]; do
        header="$header${header:+, }\"$1\": {\"dtype\": \"F32\", \"shape\": [$2], \"data_offsets\": [$at, $((at + 4 * $3))]}"
        at=$((at + 4 * $3))
        shift 3
    done
    header="{$header}"
    printf "\\$(printf %03o $((${#header} % 256)))\\$(printf %03o $((${#header} / 256)))\\0\\0\\0\\0\\0\\0%s" "$header" >"$file"
    head -c "$at" /dev/zero >>"$file"
}
# names FILE: the tensors of a safetensors file, sorted, on one line.
names() { head -c 20000 "$1" | tr -d '\0' | grep -ao '"[A-Za-z0-9_.]*": *{"dtype"' | sed 's/": *{.*//; s/"//' | sort | tr '\n' ' '; }
x="x 2,3,1,8,8 384"
steps() { # steps PROGRAM OPTIONS
    program=$1
    shift
    "$program" step --weights "$scratch/whole/last.safetensors" --batch "$scratch/b" --out "$scratch/o" "$@"
}
draws="drawn.dropout.a.2.0.0 drawn.dropout.a.2.1.0 drawn.dropout.z.1.0.0 drawn.noise.e.0 drawn.noise.unread.0 "
names_draws() {
    # shellcheck disable=SC2086 # words
    batch "$scratch/b" $x && steps "$system" --steps 3 && names "$scratch/o" >"$scratch/names" && cat "$scratch/names" &&
        [ "$(tr ' ' '\n' <"$scratch/names" | grep drawn | tr '\n' ' ')" = "$draws" ] &&
        grep -q 'step0.loss.near.1 ' "$scratch/names" && grep -q 'step1.loss.near.2 ' "$scratch/names" &&
        ! grep -q 'step1.loss.near.1 ' "$scratch/names" && grep -q 'step1.grad.a.0.weight ' "$scratch/names" &&
        ! grep -q 'step1.grad.z' "$scratch/names" && grep -q 'average.z.0.bias ' "$scratch/names" &&
        steps "$system" --eval && [ "$(names "$scratch/o")" = "output.other output.reconstruction score " ]
}
check "step writes what it drew, losses and gradients of each step, and outputs" names_draws
takes_draws() {
    # shellcheck disable=SC2086 # words
    batch "$scratch/b" $x x.1 2,3,1,8,8 384 noise.e 2,1,3,8,8 384 noise.unread.0 2,2 4 dropout.a.2.1.0 2,2,3,8,8 768 dropout.z.1.0.0 2,1,3,8,8 384 &&
        steps "$system" && [ "$(names "$scratch/o" | tr ' ' '\n' | grep drawn)" = drawn.dropout.a.2.0.0 ] && steps "$system" --eval
}
check "step takes every draw that training makes, read or not" takes_draws
# refuses PROGRAM NAME SHAPE COUNT MESSAGE
refuses() {
    # shellcheck disable=SC2086 # words
    batch "$scratch/b" $x "$2" "$3" "$4" && ! steps "$1" 2>"$scratch/said" && cat "$scratch/said" && grep -qF "error: $scratch/b: tensor $2" "$scratch/said" &&
        grep -qF "$5" "$scratch/said"
}
check "step refuses draws of a step that keeps others'" refuses "$system" noise.e.1 2,1,3,8,8 384 "step 1 keeps the draws of step 0"
check "step refuses a batch of a step that takes none" refuses "$system" x.0 2,3,1,8,8 384 'step 0 has `batch: same`'
check "step refuses dropout of a frozen network" refuses "$frozen" dropout.z.1.0.0 2,1,3,8,8 384 "is none that test_frozen reads"
check "step refuses a shape that is x's where files have channels first" refuses "$system" noise.e 2,3,1,8,8 384 "the model needs [2, 1, 3, 8, 8]"

keeps_frozen() {
    ! "$frozen" train --out "$scratch/frozen" 2>"$scratch/said" && grep -q "network z is frozen" "$scratch/said" && [ ! -e "$scratch/frozen" ] &&
        "$frozen" train --out "$scratch/frozen" --init "$scratch/whole/last.safetensors" &&
        "$frozen" info | grep -q "^network     z: frozen" && names "$scratch/frozen/last.safetensors" | grep -q ' average.a.3.bias ' &&
        ! names "$scratch/frozen/last.safetensors" | grep -q average.z
}
check "a frozen network has the weights of --init" keeps_frozen
done_checking
