#!/bin/sh
# run.sh [OUT [ITERATIONS]]: makes a bundle, and builds a project that has it as a subdirectory in CMake. Run it from the tree's root.
set -eu
out=$(sh scripts/free_folder.sh "${1:-runs/embed}")
iterations=${2:-200}

make trainer SPEC=specs/tiny.yaml
build/tiny/tiny train --iterations "$iterations" --out "$out/run"
make inference SPEC=specs/tiny.yaml WEIGHTS="$out/run/last.safetensors"

cmake -S examples/embed -B "$out/build" -DBUNDLE="$PWD/build/tiny/inference" -DCMAKE_BUILD_TYPE=Release
cmake --build "$out/build"
"$out/build/embed" build/tiny/inference/tiny.weights
