#!/bin/sh
# run.sh [OUT [ITERATIONS]]: trains on a folder of videos and reconstructs others. Run it from the tree's root.
set -eu
out=$(sh scripts/free_folder.sh "${1:-runs/own_videos}")
iterations=${2:-1500}

make trainer SPEC=specs/tiny.yaml

# Two folders of videos: to learn from, and to measure on. Yours are files of any format that FFmpeg decodes; these are drawn.
mkdir -p "$out/videos" "$out/held_out"
cc -O2 examples/own_videos/draw.c -lm -o "$out/draw"
for seed in 1 2 3 4 5 6 7 8; do "$out/draw" "$out/videos/ball_$seed.y4m" $seed; done
for seed in 101 102; do "$out/draw" "$out/held_out/ball_$seed.y4m" $seed; done

build/tiny/tiny train --data "$out/videos" --validation "$out/held_out" --iterations "$iterations" --out "$out/run"
build/tiny/tiny reconstruct --weights "$out/run/best.safetensors" --data "$out/held_out" --out "$out/reconstructed"
echo "Strips of the held-out videos are in $out/reconstructed, the curve is $out/run/loss.svg"
