# zoetrope tune writes a file that the compiler takes, of each program of a system. If it is interrupted or fails, nothing is lost, and no folder is left.
. tests/lib.sh

export OMP_WAIT_POLICY=passive OMP_NUM_THREADS=2
zoetrope=build/zoetrope
mkdir "$scratch/temporary"
cat >"$scratch/small.yaml" <<'END'
version: 1
name: small
input: {T: 2, channels: 1, height: 16, width: 16}
encoder:
  - conv: {channels: 16, kernel: 3, stride: 2, padding: 1, norm: batch, activation: relu}
  - conv: {channels: 16, kernel: 3, stride: 2, padding: 1}
latent: 8
gru: {hidden: 8}
decoder:
  - conv_transpose: {channels: 16, kernel: 3, stride: 2, padding: 1, output_padding: 1, norm: batch, activation: relu}
  - conv_transpose: {channels: 1, kernel: 3, stride: 2, padding: 1, output_padding: 1, activation: tanh}
training: {batch: 2}
END
cat >"$scratch/pair.yaml" <<'END'
version: 2
name: pair
input: {channels: 1, height: 16, width: 16}
noise:
  z: {shape: [8]}
networks:
  generator:
    inputs: [z]
    layers:
      - linear: {shape: [16, 4, 4], activation: relu}
      - conv_transpose: {channels: 1, kernel: 4, stride: 4, padding: 0, activation: tanh}
  judge:
    layers:
      - conv: {channels: 16, kernel: 4, stride: 4, padding: 0, activation: relu}
      - linear: {features: 1}
values:
  drawn: generator(z)
  real: judge(x)
  fake: judge(drawn)
losses:
  told_apart:
    - {bce_with_logits: [real, 1]}
    - {bce_with_logits: [fake, 0]}
  fooled: {bce_with_logits: [fake, 1]}
  residual: {l1: [drawn, x], reduce: sum, only: score}
steps:
  - update: {judge: told_apart}
  - update: {generator: fooled}
outputs: {reconstruction: drawn}
score: {sum: {residual: 1}}
search: {noise: z, steps: 5, optimizer: {name: adam, learning_rate: 1e-2}}
training: {batch: 2}
END
file=$scratch/tuning/pair.yaml small=$scratch/tuning/small.yaml

tune() { TMPDIR=$scratch/temporary $zoetrope tune "$scratch/pair.yaml" -o "$file" --targets generic "$@"; }
no_folder_left() { [ -z "$(ls -A "$scratch/temporary")" ]; }

writes_a_file() {
    tune 2>"$scratch/said" && cat "$scratch/said" "$file" && no_folder_left && grep -q '^target: generic$' "$file" &&
        grep -q '^generic, near: measuring [0-9]' "$scratch/said" && [ "$(grep -Ec '^# (step0|step1|evaluate|search), 2 threads: ' "$file")" = 4 ] &&
        $zoetrope compile "$scratch/pair.yaml" -o "$scratch/tuned" --tuning "$file"
}
# explain --tuning shows each kernel with the choices of the file.
explains_the_same() {
    $zoetrope explain "$scratch/pair.yaml" --targets generic --kernels --tuning "$file" >"$scratch/kernels" &&
        sed -n 's/^\([a-z0-9_.]*: {.*}\) # .*/\1/p' "$file" >"$scratch/choices" &&
        while read -r line; do grep -qFx "$line" "$scratch/kernels" || return 1; done <"$scratch/choices"
}
# The second interrupt comes while a program runs or is compiled.
interrupted() {
    printf 'spec: small\ntarget: generic\n' >"$small" && cp "$small" "$scratch/before"
    for delay in 0.5 3; do
        TMPDIR=$scratch/temporary timeout --foreground -s "$1" "$delay" $zoetrope tune "$scratch/small.yaml" -o "$small" --targets generic \
            2>"$scratch/said"
        cat "$scratch/said"
        grep -q 'interrupted; nothing is written' "$scratch/said" && no_folder_left && cmp "$small" "$scratch/before" || return 1
    done
}
fails() {
    "$@" 2>"$scratch/said"
    status=$?
    cat "$scratch/said"
    [ $status = 1 ] && no_folder_left
}
without_compiler() { CC=no-such-compiler fails tune && grep -q 'set CC' "$scratch/said"; }
with_a_broken_compiler() { CC='cc -Dmain=' fails tune && grep -q 'the C compiler failed' "$scratch/said"; }
another_target() {
    sed 's/^target: .*/target: neon/' "$small" >"$scratch/neon.yaml"
    fails $zoetrope tune "$scratch/small.yaml" -o "$scratch/neon.yaml" --targets generic && grep -q 'also holds neon' "$scratch/said" &&
        echo 'not: tuning' >"$scratch/other.yaml" && fails $zoetrope tune "$scratch/small.yaml" -o "$scratch/other.yaml" --targets generic &&
        [ "$(cat "$scratch/other.yaml")" = 'not: tuning' ]
}

check "tune writes a file that the compiler takes" writes_a_file
check "its choices are what explain --tuning shows" explains_the_same
check "Ctrl-C leaves the file that was there, and no folder" interrupted INT
check "so does SIGTERM" interrupted TERM
check "without a C compiler, it says so" without_compiler
check "a C compiler that fails is quoted" with_a_broken_compiler
check "a file that holds another target, or is not a tuning file, is not replaced" another_target
done_checking
