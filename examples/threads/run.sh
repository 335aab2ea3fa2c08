#!/bin/sh
# run.sh [OUT [ITERATIONS]]: makes a bundle and runs six streams on it at the same time. Run it from the tree's root.
set -eu
out=$(sh scripts/free_folder.sh "${1:-runs/threads}")
iterations=${2:-200}

make trainer SPEC=specs/tiny.yaml
build/tiny/tiny train --iterations "$iterations" --out "$out/run"
make inference SPEC=specs/tiny.yaml WEIGHTS="$out/run/last.safetensors"

bundle=build/tiny/inference
cc -std=gnu11 -O2 "-I$bundle" examples/threads/threads.c "$bundle"/tiny*.c -lm -lpthread -o "$out/threads"
"$out/threads" "$bundle/tiny.weights"
