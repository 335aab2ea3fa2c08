# sanitized.sh: sourced by slow tests. sanitized_tree FOLDER makes a tree with links to this one's source, in which everything is built with the
# address and undefined-behaviour sanitizers.
export CFLAGS="-O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all"
# The compiler's arenas live as long as it does. An allocation that fails returns NULL, as without sanitizers.
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1

sanitized_tree() {
    mkdir -p "$1"
    for part in Makefile LICENSE README.md CHANGELOG.md compiler runtime tests specs scripts docs examples; do ln -sfn "../../$part" "$1/$part"; done
}
