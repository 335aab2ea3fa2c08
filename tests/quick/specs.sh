# For every spec of version 1 in specs/ (systems.sh has the others), the trainer is built, and learns for a few iterations from videos that it draws itself.
. tests/lib.sh

trains() {
    make trainer SPEC="specs/$1.yaml" &&
        "build/$1/$1" train --iterations 5 --out "$scratch/$1" &&
        test -s "$scratch/$1/last.safetensors" && test -s "$scratch/$1/loss.svg"
}

# The profile names every kernel of the step, each with a time, and its picture shows them.
profiles() {
    build/tiny/tiny profile --steps 2 --threads 2 --out "$scratch/profile.svg" >"$scratch/profile.txt" &&
        grep -Eq '^encoder1_conv_forward +[0-9.]+ +[0-9.]+ (FLOPs|memory) ' "$scratch/profile.txt" &&
        grep -Eq '^update +[0-9.]+ ' "$scratch/profile.txt" && grep -q '^a step: [0-9.]* ms' "$scratch/profile.txt" &&
        [ "$(grep -c 'class="kernel"' "$scratch/profile.svg")" -ge 5 ] && grep -q '</svg>' "$scratch/profile.svg" &&
        build/tiny/tiny profile --eval --steps 1 --out "$scratch/forward.svg" >"$scratch/forward.txt" &&
        grep -q '^encoder1_conv_forward' "$scratch/forward.txt" && ! grep -q '^update' "$scratch/forward.txt" &&
        ! build/tiny/tiny profile --steps 1 --out "$scratch/missing/profile.svg" >"$scratch/refused.txt" 2>&1 &&
        grep -q 'missing/profile.svg' "$scratch/refused.txt"
}

# On a CPU without dot products of bfloat16, the trainer is built, and says what the CPU lacks.
says_what_it_lacks() {
    make trainer SPEC="specs/$1.yaml" && ! "build/$1/$1" train --iterations 1 --out "$scratch/$1" 2>"$scratch/lacks.txt" &&
        grep -q 'AVX512-BF16' "$scratch/lacks.txt"
}

# ZOETROPE_SPECS: only these specs. Under sanitizers, large networks take long, and show nothing that smaller ones do not.
# shellcheck disable=SC2046 # a list
for spec in $(grep -L "^version: 2" ${ZOETROPE_SPECS-specs/*.yaml}); do
    name=$(basename "$spec" .yaml)
    if grep -q "precision: bf16" "$spec" && ! grep -qw avx512_bf16 /proc/cpuinfo; then
        check "the trainer of specs/$name.yaml is built and says what this CPU lacks" says_what_it_lacks "$name"
    else
        check "the trainer of specs/$name.yaml is built and trains" trains "$name"
    fi
done
check "the profile shows every kernel of a step, and its picture" profiles
done_checking
