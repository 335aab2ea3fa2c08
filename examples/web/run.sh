#!/bin/sh
# run.sh [OUT [ITERATIONS]]: the demo's network as a page: OUT/page/index.html. Wants clang and lld. Run it from the tree's root.
set -eu
out=$(sh scripts/free_folder.sh "${1:-runs/web}")
iterations=${2:-1500}

make trainer SPEC=specs/tiny.yaml
mkdir -p "$out/page"
build/tiny/tiny train --iterations "$iterations" --out "$out/run"
build/zoetrope inference specs/tiny.yaml --weights "$out/run/last.safetensors" --targets wasm128 -o "$out/bundle"

# As always, every file of the bundle with the same flags. The functions that stand for libc must not be made of themselves.
clang --target=wasm32 -msimd128 -std=c11 -O2 -fno-builtin-memcpy -fno-builtin-memset -nostdlib -Iexamples/web/libc "-I$out/bundle" \
    examples/web/web.c "$out"/bundle/tiny*.c -Wl,--no-entry -Wl,-z,stack-size=131072 -o "$out/web.wasm"

{
    printf 'const model = {\n  module: "%s",\n' "$(base64 <"$out/web.wasm" | tr -d '\n')"
    printf '  weights: "'
    base64 <"$out/bundle/tiny.weights" | tr -d '\n'
    printf '",\n};\n'
} >"$out/page/model.js"
cp examples/web/index.html examples/web/page.js "$out/page"
echo "Open $out/page/index.html in a browser"
