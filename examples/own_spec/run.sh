#!/bin/sh
# run.sh [OUT [ITERATIONS]]: checks, explains, builds and trains the spec beside this file. Run it from the tree's root.
set -eu
out=$(sh scripts/free_folder.sh "${1:-runs/own_spec}")
iterations=${2:-1500}
spec=examples/own_spec/flat.yaml

make compiler
build/zoetrope check "$spec"
build/zoetrope explain "$spec"
make trainer SPEC="$spec"
build/flat/flat info
build/flat/flat train --iterations "$iterations" --out "$out"
