# Each example runs as its README says, for fewer iterations.
. tests/lib.sh

for example in examples/*/run.sh; do
    name=$(basename "$(dirname "$example")")
    check "examples/$name runs" sh "$example" "$scratch/$name" 20
done
# Every script that begins with #! is executable.
scripts_can_be_run() {
    for script in $(grep -l '^#!' examples/*/*.sh scripts/*.sh tests/*.sh tests/*/*.sh); do test -x "$script" || { echo "$script"; return 1; }; done
}
check "every script that begins with #! is executable" scripts_can_be_run
check "examples/own_videos writes measurements of its held-out videos" test -s "$scratch/own_videos/reconstructed/reconstruct.jsonl"
check "examples/own_spec writes weights" test -s "$scratch/own_spec/last.safetensors"

# The programs of the examples, as those runs built them: they report errors, also by the exit status.
weights=build/tiny/inference/tiny.weights
fails() { # STATUS TEXT COMMAND…
    wanted=$1 text=$2
    shift 2
    "$@" 2>"$scratch/said"
    status=$?
    cat "$scratch/said"
    [ "$status" = "$wanted" ] && grep -q -e "$text" "$scratch/said"
}
full_output_is_an_error() {
    "$scratch/stream/draw" 3 >"$scratch/frames" && fails 1 "standard output: No space" "$scratch/stream/stream" $weights <"$scratch/frames" >/dev/full &&
        fails 1 "/dev/full: No space" "$scratch/stream/stream" $weights /dev/full <"$scratch/frames" &&
        fails 1 "standard output: No space" "$scratch/stream/draw" 3 >/dev/full &&
        fails 1 "/dev/full: No space" "$scratch/own_videos/draw" /dev/full 1 &&
        fails 1 "standard output: No space" "$scratch/threads/threads" $weights >/dev/full &&
        fails 1 "standard output: No space" "$scratch/embed/build/embed" $weights >/dev/full
}
# An input file must not be emptied by opening it for writing, under whatever name.
files_that_are_read_stay() {
    cp $weights "$scratch/weights" && ln -sf weights "$scratch/link" && cp "$scratch/frames" "$scratch/input" &&
        fails 1 "a file of their own" "$scratch/stream/stream" "$scratch/weights" "$scratch/link" <"$scratch/input" &&
        fails 1 "a file of their own" "$scratch/stream/stream" $weights "$scratch/input" <"$scratch/input" &&
        cmp $weights "$scratch/weights" && cmp "$scratch/frames" "$scratch/input"
}
input_that_cannot_be_read_is_an_error() {
    fails 1 "standard input: Is a directory" "$scratch/stream/stream" $weights <. &&
        fails 1 "none: No such file" "$scratch/threads/threads" "$scratch/none" &&
        fails 1 "none: No such file" "$scratch/embed/build/embed" "$scratch/none" &&
        fails 1 "none/a: No such file" "$scratch/own_videos/draw" "$scratch/none/a" 1 && fails 2 "usage: draw FRAMES" "$scratch/stream/draw" many
}
# With a stand-in for the network that gives bright frames a score that is not finite. It must not pass for a small score.
frames_without_a_score_are_said() {
    mkdir -p "$scratch/bad" && cp build/tiny/inference/main.c "$scratch/bad/example.c" && cp examples/stream/stream.c examples/embed/main.c examples/threads/threads.c \
        "$scratch/bad" && for program in example stream main threads; do
        cc -std=gnu11 -O1 -Wall -Wextra -Werror -Itests/bundle/stand_in "$scratch/bad/$program.c" -lpthread -lm -o "$scratch/bad/$program" || return 1
    done
    head -c 64 /dev/zero >"$scratch/bad/weights" && { # dark, white, dark
        head -c 2304 /dev/zero && head -c 2304 /dev/zero | tr '\000' '\377' && head -c 2304 /dev/zero
    } >"$scratch/bad/frames"
    fails 1 "frame 1: no finite number" "$scratch/bad/stream" "$scratch/bad/weights" "$scratch/bad/out" <"$scratch/bad/frames" >"$scratch/bad/lines" &&
        [ "$(cut -d : -f 3 "$scratch/bad/lines" | tr -d '\n')" = " 0.5} null} 0.5}" ] && cmp "$scratch/bad/frames" "$scratch/bad/out" &&
        fails 1 "no finite number" "$scratch/bad/main" "$scratch/bad/weights" && fails 1 "frames have no finite score" "$scratch/bad/threads" "$scratch/bad/weights" &&
        fails 1 "a frame: no finite number" "$scratch/bad/example" "$scratch/bad/weights"
}
check "examples name frames without a finite score, and end with status 1" frames_without_a_score_are_said
check "examples report a full disk, and end with status 1" full_output_is_an_error
check "examples/stream never overwrites a file that it reads" files_that_are_read_stay
check "examples end with an error if their input cannot be read" input_that_cannot_be_read_is_an_error

# The documented pipes give the trainer's scores, for videos of any size.
pipes_score_as_the_trainer_does() {
    filter='format=rgb24,scale=[^ ]*:flags=bilinear'
    grep -rn 'ffmpeg .*-vf' README.md docs examples compiler/bundle/templates >"$scratch/pipes"
    [ "$(wc -l <"$scratch/pipes")" -ge 3 ] && ! grep -v "$filter" "$scratch/pipes" || return 1
    build/tiny/tiny train --iterations 100 --threads 1 --out "$scratch/learned" &&
        make inference SPEC=specs/tiny.yaml WEIGHTS="$scratch/learned/last.safetensors" &&
        ffmpeg -v error -f lavfi -i testsrc2=size=320x180:rate=25:duration=2 -c:v mpeg4 -q:v 3 "$scratch/large.mp4" &&
        build/tiny/tiny score --weights "$scratch/learned/last.safetensors" --data "$scratch/large.mp4" --out "$scratch/scored" || return 1
    # the line of the README, unchanged
    pipe=$(sed -n 's/^    \(ffmpeg .*\) reconstructions.gray$/\1/p' examples/stream/README.md | sed 's/VIDEO/large.mp4/; s/tiny.weights/here.weights/')
    cp "$weights" "$scratch/here.weights" && cp "$scratch/stream/stream" "$scratch/program" || return 1
    (cd "$scratch" && rm -rf stream && mv program stream && sh -c "$pipe") >"$scratch/piped.jsonl" || return 1
    paste "$scratch/piped.jsonl" "$scratch/scored/scores.csv" | head -n 2
    awk -F'"score": ' 'FNR == NR { if ($2 != "") { piped += $2; frames++ } next } { split($0, field, ","); if (FNR > 1) { scored += field[3]; rows++ } }
        END { print piped / frames, scored / rows; ratio = (piped / frames) / (scored / rows); exit !(frames == 50 && rows == 50 && ratio > 0.995 && ratio < 1.005) }' \
        "$scratch/piped.jsonl" "$scratch/scored/scores.csv"
}
check "documented pipes give the trainer's scores for a video of another size" pipes_score_as_the_trainer_does
done_checking
