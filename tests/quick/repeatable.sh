# The bits of training depend on the spec and the seed, not on threads, and not on stopping in between.
. tests/lib.sh

export OMP_WAIT_POLICY=passive # 8 threads on 2 processors must not spin
train() { build/tiny/tiny train --iterations 50 "$@"; }
losses() { sed 's/"seconds": *[0-9.e+-]*//' "$scratch/$1/metrics.jsonl"; }
same_run() {
    cmp "$scratch/$1/last.safetensors" "$scratch/$2/last.safetensors" &&
        test "$(losses "$1")" = "$(losses "$2")" && test "$(losses "$1" | wc -l)" = 50
}
threads() { train --threads "$1" --out "$scratch/threads$1" && same_run threads1 "threads$1"; }
resumed() {
    build/tiny/tiny train --iterations 25 --out "$scratch/resumed" && train --resume --out "$scratch/resumed" &&
        cmp "$scratch/threads1/last.state.safetensors" "$scratch/resumed/last.state.safetensors" && same_run threads1 resumed
}
another_seed() { train --seed 9 --out "$scratch/seed9" && ! cmp -s "$scratch/threads1/last.safetensors" "$scratch/seed9/last.safetensors"; }

make trainer SPEC=specs/tiny.yaml
check "50 iterations on 1 thread" train --threads 1 --out "$scratch/threads1"
for number in 2 3 8; do check "50 iterations on $number threads give the bits of 1" threads "$number"; done
check "50 iterations stopped after 25 and resumed give the bits of those never stopped" resumed
check "another seed gives other weights" another_seed
for target in avx2 generic; do
    if ZOETROPE_TARGET=$target build/tiny/tiny info >/dev/null 2>&1; then
        export ZOETROPE_TARGET=$target
        rm -rf "$scratch/threads1" "$scratch/threads3"
        check "50 iterations on 1 thread, $target" train --threads 1 --out "$scratch/threads1"
        check "50 iterations on 3 threads give the bits of 1, $target" threads 3
    fi
done
done_checking
