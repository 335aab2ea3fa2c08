# Random systems compile, verify, train an iteration and are evaluated, all with sanitizers; texts that are changed at random are refused with
# their place and a remedy, or are systems. ZOETROPE_FUZZ="--systems 300 --mutants 600 --seed 0" has other numbers than these.
. tests/lib.sh
. tests/sanitized.sh

export OMP_NUM_THREADS=1 # PyTorch, which draws the systems, is fastest so with such small networks
# The compiler is that of sanitize.sh. clang without optimisation reads generated C several times as fast as gcc, and has a runtime of its own.
is_built() {
    sanitized_tree build/sanitize-tree && make -C build/sanitize-tree compiler && sanitized_tree build/sanitize-clang &&
        CC=clang make -C build/sanitize-clang build/runtime.a
}
# shellcheck disable=SC2086 # options
fuzzes() {
    scripts/python.sh tests/parity/fuzz_systems.py build/sanitize-tree/build/zoetrope build/sanitize-clang/build/runtime.a ${ZOETROPE_FUZZ-} \
        >"$scratch/said" 2>&1
    status=$?
    cat "$scratch/said"
    return $status
}
check "compiler and runtime are built with sanitizers" is_built
check "random systems train without a finding; changed ones are refused with place and remedy, or are systems" fuzzes
sed -n 's/^[0-9]* \(systems\|mutants\).*/#   &/p' "$scratch/said"
done_checking
