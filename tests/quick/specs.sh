# Every spec of specs/: its trainer is built, and learns for a few iterations from the videos that it draws itself.
. tests/lib.sh

trains() {
    make trainer SPEC="specs/$1.yaml" &&
        "build/$1/$1" train --iterations 5 --out "$scratch/$1" &&
        test -s "$scratch/$1/last.safetensors" && test -s "$scratch/$1/loss.svg"
}

for spec in specs/*.yaml; do
    name=$(basename "$spec" .yaml)
    check "the trainer of specs/$name.yaml is built and trains" trains "$name"
done
done_checking
