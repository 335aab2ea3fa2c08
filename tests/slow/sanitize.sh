# All of `make test` under the address and undefined-behaviour sanitizers: compiler, runtime and generated code.
# build/sanitize-tree/ is a separate tree with links to this one's source.
. tests/lib.sh

tree=build/sanitize-tree
mkdir -p $tree
for part in Makefile LICENSE README.md CHANGELOG.md compiler runtime tests specs scripts docs examples; do ln -sfn "../../$part" "$tree/$part"; done
cd $tree || exit 1
# Not the large ones; valgrind.sh compiles the others.
export ZOETROPE_SPECS="specs/frames.yaml specs/tiny.yaml specs/vae.yaml"
export CFLAGS="-O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all"
# The compiler's arenas live as long as it does. An allocation that fails returns NULL, as without sanitizers.
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 CK_TIMEOUT_MULTIPLIER=60
# Left out is what runs the same code on further choices, or spends its time in other compilers.
export ZOETROPE_LEFT_OUT="systems_compiled large_kernels core_scans recompute lower_again lower_choices lower_tiles emit emitted_losses moves_compiled examples.sh docs.sh rooms.sh verbs.sh"
make test >"$scratch/lines" 2>&1
status=$?
sed -n 's/^\(ok\|not ok\|#   \)/\1/p' | sed 's/^\(ok\|not ok\) [0-9]* - /&sanitized: /' "$scratch/lines"
exit "$status"
