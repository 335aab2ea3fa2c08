#!/bin/sh
# run.sh [OUT [ITERATIONS]]: makes a bundle, and builds a project that has it as a subdirectory in CMake. Run it from the tree's root.
set -eu
out=${1:-runs/embed} # or, where that is there already, the next that is free
base=$out number=1
while [ -e "$out" ]; do
    number=$((number + 1))
    out=$base$number
done
iterations=${2:-200}

make trainer SPEC=specs/tiny.yaml
build/tiny/tiny train --iterations "$iterations" --out "$out/run"
make inference SPEC=specs/tiny.yaml WEIGHTS="$out/run/last.safetensors"

cmake -S examples/embed -B "$out/build" -DBUNDLE="$PWD/build/tiny/inference" -DCMAKE_BUILD_TYPE=Release
cmake --build "$out/build"
"$out/build/embed" build/tiny/inference/tiny.weights
