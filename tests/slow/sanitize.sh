# All of `make test` under the address and undefined-behaviour sanitizers: compiler, runtime and generated code.
. tests/lib.sh

. tests/sanitized.sh
tree=build/sanitize-tree
sanitized_tree $tree
cd $tree || exit 1
# Not the large ones; valgrind.sh compiles the others.
export ZOETROPE_SPECS="specs/frames.yaml specs/tiny.yaml specs/vae.yaml"
export CK_TIMEOUT_MULTIPLIER=60
# Left out is what runs the same code on further choices, or spends its time in other compilers.
export ZOETROPE_LEFT_OUT="systems_compiled large_kernels core_scans recompute lower_again lower_choices lower_tiles emit emitted_losses moves_compiled examples.sh docs.sh rooms.sh verbs.sh"
make test >"$scratch/lines" 2>&1
status=$?
sed -n 's/^\(ok\|not ok\|#   \)/\1/p' | sed 's/^\(ok\|not ok\) [0-9]* - /&sanitized: /' "$scratch/lines"
exit "$status"
