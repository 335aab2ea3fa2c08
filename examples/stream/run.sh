#!/bin/sh
# run.sh [OUT [ITERATIONS]]: trains the demo's network, makes a bundle of it and scores a stream. Run it from the tree's root.
set -eu
out=$(sh scripts/free_folder.sh "${1:-runs/stream}")
iterations=${2:-1500}

make trainer SPEC=specs/tiny.yaml
mkdir -p "$out"
build/tiny/tiny train --iterations "$iterations" --out "$out/run"
make inference SPEC=specs/tiny.yaml WEIGHTS="$out/run/last.safetensors"

bundle=build/tiny/inference
cc -std=gnu11 -O2 -fopenmp "-I$bundle" examples/stream/stream.c "$bundle"/tiny*.c -lm -o "$out/stream"
cc -O2 examples/stream/draw.c -lm -o "$out/draw"

# Yours: ffmpeg -v error -i VIDEO -vf format=rgb24,scale=48:48:flags=bilinear,format=gray -f rawvideo - | …
"$out/draw" 120 | "$out/stream" "$bundle/tiny.weights" "$out/reconstructions.gray" >"$out/scores.jsonl"
test "$(wc -l <"$out/scores.jsonl")" = 120
head -n 3 "$out/scores.jsonl"
echo "The scores of 120 frames are in $out/scores.jsonl, the reconstructions in $out/reconstructions.gray"
