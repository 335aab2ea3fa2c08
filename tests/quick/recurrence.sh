# A frame's past, in trainer and bundle: the last T frames, or all of them with --recurrence carried. For several kinds of networks.
. tests/lib.sh

export OMP_WAIT_POLICY=passive
warnings="-Wall -Wextra -Wpedantic -Wconversion -Werror"
trainer=build/parity_small/parity_small
weights=$scratch/parity_small/last.safetensors

# program NAME FOLDER SOURCE PROGRAM: a test program with the bundle in $scratch/FOLDER
program() {
    upper=$(echo "$1" | tr '[:lower:]' '[:upper:]')
    gcc -std=gnu11 -O1 $warnings ${CFLAGS-} -DALONE -DBUNDLE="$1" -DUPPER="$upper" -DBUNDLE_HEADER="\"$1.h\"" "-I$scratch/$2" "tests/bundle/$3" \
        "$scratch/$2/$1"*.c -lm -o "$scratch/$2/$4"
}
trained() { make trainer SPEC=tests/fixtures/parity_small.yaml && $trainer train --iterations 3 --threads 2 --out "$scratch/parity_small"; }
bundles() { # window|carried
    build/zoetrope inference tests/fixtures/parity_small.yaml --weights "$weights" --targets generic --recurrence "$1" -o "$scratch/$1" &&
        program parity_small "$1" check.c check && program parity_small "$1" scores.c scores && "$scratch/$1/check" alone "$scratch/$1/parity_small.weights"
}
draws_frames() { # 40 frames of 13 rows and 18 columns; those from the 20th on again as videos of T = 3 frames
    cc -O2 examples/stream/draw.c -lm -o "$scratch/draw_frames" && cc -O2 tests/bundle/pngs.c $(pkg-config --cflags --libs libpng) -o "$scratch/pngs" &&
        "$scratch/draw_frames" 30 | head -c $((40 * 13 * 18)) >"$scratch/frames" && mkdir "$scratch/video" &&
        "$scratch/pngs" "$scratch/video" 13 18 <"$scratch/frames" && for first in 17 18 19; do
        mkdir "$scratch/clip$first" && tail -c +$((first * 13 * 18 + 1)) "$scratch/frames" | head -c $((3 * 13 * 18)) |
            "$scratch/pngs" "$scratch/clip$first" 13 18 || return 1
    done
}
score() { # DATA OUT OPTIONS…: the scores alone, in OUT/scores
    data=$1 out=$2
    shift 2
    $trainer score --weights "$weights" --data "$scratch/$data" --out "$scratch/$out" --threads 2 "$@" >"$scratch/said" && cat "$scratch/said" &&
        tail -n +2 "$scratch/$out/scores.csv" | sed 's/.*,//' >"$scratch/$out/scores"
}
near() { paste "$1" "$2" | awk '{ d = $1 - $2; if (d < 0) d = -d; if (!(d <= 1e-6) || NF != 2) bad = 1 } END { exit bad || NR != 40 }'; }
# Batch norm is folded in a bundle: within 1e-6.
scores_are_the_bundles() { # window|carried SEED
    score video "$1$2" --recurrence "$1" --seed "$2" && "$scratch/$1/scores" "$scratch/$1/parity_small.weights" "$2" <"$scratch/frames" >"$scratch/$1$2/bundle" &&
        near "$scratch/$1$2/scores" "$scratch/$1$2/bundle"
}
a_window_is_the_default() { score video default && cmp "$scratch/default/scores" "$scratch/window0/scores" && ! cmp "$scratch/default/scores" "$scratch/carried0/scores"; }
# To the bit, wherever a frame's run is in the window.
a_long_video_has_the_scores_of_its_clips() {
    for first in 17 18 19; do
        score clip$first "out$first" && tail -n 1 "$scratch/out$first/scores" >"$scratch/one" && sed -n "$((first + 3))p" "$scratch/window0/scores" >"$scratch/two" &&
            cmp "$scratch/one" "$scratch/two" || return 1
    done
}
draws_differ() { ! cmp "$scratch/window0/scores" "$scratch/window5/scores"; }

check "parity_small: weights" trained
for recurrence in window carried; do
    check "parity_small, $recurrence: streams give the bits of clips, and forget frames without a finite score" bundles $recurrence
done
check "frames are drawn" draws_frames
for recurrence in window carried; do
    for seed in 0 5; do check "the trainer's scores are the bundle's: $recurrence, seed $seed" scores_are_the_bundles $recurrence $seed; done
done
check "a window, from zeros, is the default" a_window_is_the_default
check "a seed other than 0 draws another start" draws_differ
check "a frame of a long video has the score of the last frame of its clip, to the bit" a_long_video_has_the_scores_of_its_clips

# Code that carries a state computes other scores, so it refuses weights that were made for a window.
mixed_recurrences_are_refused() {
    "$scratch/carried/scores" "$scratch/window/parity_small.weights" 0 </dev/null 2>"$scratch/said" && return 1
    grep "made for another recurrence than this code's, which is carried" "$scratch/said" &&
        grep '^#define PARITY_SMALL_RECURRENCE "carried"' "$scratch/carried/parity_small.h" && grep "carried: all of the stream" "$scratch/carried/README.md" &&
        grep '^#define PARITY_SMALL_RECURRENCE "window"' "$scratch/window/parity_small.h" && grep "window: the last T frames" "$scratch/window/README.md"
}
check "weights of the other recurrence are an error, and header and README say which it is" mixed_recurrences_are_refused
other_words_are_an_error() {
    make inference SPEC=tests/fixtures/parity_small.yaml WEIGHTS="$weights" RECURRENCE=windows 2>"$scratch/said" && return 1
    grep -e "--recurrence is window|carried, not 'windows'" "$scratch/said"
}
check "a recurrence that does not exist is an error" other_words_are_an_error

# Other kinds of networks, with random weights.
draw_is_built() {
    make compiler && make build/compiler.a build/runtime.a && cc -std=gnu11 -D_GNU_SOURCE -O1 -fopenmp -Icompiler -Iruntime ${CFLAGS-} tests/bundle/draw.c build/compiler.a build/runtime.a \
        -lyaml $(pkg-config --libs jansson) -lm -o "$scratch/draw"
}
kind() { # NAME RECURRENCE EDIT…: parity_small, changed by sed
    name=$1 recurrence=$2
    shift 2
    sed "s/^name: .*/name: $name/; $*" tests/fixtures/parity_small.yaml >"$scratch/$name.yaml" && "$scratch/draw" "$scratch/$name.yaml" "$scratch/$name.safetensors" &&
        build/zoetrope inference "$scratch/$name.yaml" --weights "$scratch/$name.safetensors" --targets generic --recurrence "$recurrence" -o "$scratch/$name" \
            2>"$scratch/said" && cat "$scratch/said" && program "$name" "$name" check.c check && "$scratch/$name/check" alone "$scratch/$name/$name.weights"
}
a_network_without_a_past() { kind "$@" && grep "has no GRU: --recurrence changes nothing" "$scratch/said"; }
check "random weights can be drawn" draw_is_built
check "T = 1: every frame begins from the initial state" kind single window 's/T: 3/T: 1/'
check "T = 1, carried" kind single_carried carried 's/T: 3/T: 1/'
check "three layers, zeros, T = 7" kind layers window 's/T: 3/T: 7/; s/layers: 2, initial_state: normal/layers: 3, initial_state: zeros/'
check "a latent without a GRU" a_network_without_a_past latent window '/^gru:/d'
check "no latent and no GRU" a_network_without_a_past plain carried '/^gru:/d; /^latent:/d'
# Without a GRU, a frame's score is that of its clip: the mean over 13 clips is what reconstruct finds, with pixels in [0, 1].
scores_are_those_of_clips() { # NAME EDIT
    sed "s/^name: .*/name: $1/; $2" tests/fixtures/parity_small.yaml >"$scratch/$1.yaml" && make trainer SPEC="$scratch/$1.yaml" &&
        "build/$1/$1" train --iterations 2 --threads 1 --out "$scratch/$1" &&
        "build/$1/$1" score --weights "$scratch/$1/last.safetensors" --data "$scratch/video" --threads 1 --out "$scratch/$1/score" &&
        "build/$1/$1" reconstruct --weights "$scratch/$1/last.safetensors" --data "$scratch/video" --threads 1 --out "$scratch/$1/clips" &&
        sed -n '2,40s/.*,//p' "$scratch/$1/score/scores.csv" | awk '{ sum += $1 } END { print sum / NR, NR }' >"$scratch/one" &&
        sed -n 's/.*"total".*"loss": \([0-9.e-]*\).*/\1/p' "$scratch/$1/clips/reconstruct.jsonl" >"$scratch/two" && cat "$scratch/one" "$scratch/two" &&
        paste "$scratch/one" "$scratch/two" | awk '{ d = $1 - $3 / 4; if (d < 0) d = -d; good = d < 1e-6 && $2 == 39 && $3 > 0 } END { exit !good }'
}
check "a latent without a GRU: scores are those of clips" scores_are_those_of_clips frames_latent '/^gru:/d'
check "batch norm last before the decoder: scores are those of clips" scores_are_those_of_clips frames_norm '/^gru:/d; /^latent:/d; s/activation: sigmoid/bias: false, norm: batch, activation: leaky_relu/'
done_checking
