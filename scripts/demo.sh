#!/bin/sh
# demo.sh: builds the trainer of specs/tiny.yaml, trains it on the videos that it draws itself, and prints where to look.
set -eu

# Let waiting threads sleep. If they spin, and other programs use the same processors, this becomes many times slower.
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY-passive}"

started=$(date +%s)
make trainer SPEC=specs/tiny.yaml

run=$(sh scripts/free_folder.sh runs/demo)
echo "build/tiny/tiny train --out $run" # shown, so that a stopped run can be continued with --resume
build/tiny/tiny train --out "$run"

last=$(find "$run" -name 'recon_itr*_no0.png' | sed 's/.*_itr\([0-9]*\)_.*/\1/' | sort -n | tail -n 1)
echo
echo "The demo took $(($(date +%s) - started)) seconds. Look at"
for file in "$run"/real_itr"${last}"_no*.png; do
    echo "    $file    a clip's frames, side by side"
    echo "    $run/recon_itr${file##*_itr}   what the network made of them"
done
echo "    $run/loss.svg              how it learned"
echo "To train on your own videos: build/tiny/tiny train --data FOLDER"
