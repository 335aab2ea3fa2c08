# score on stills, and on videos that cannot be read to their end.
. tests/lib.sh
export OMP_WAIT_POLICY=passive
tiny=build/tiny/tiny
draw() { ffmpeg -v error -f lavfi -i "testsrc2=size=160x120:rate=25:duration=$1" "$2" </dev/null; } # SECONDS FILE

prepare() {
    make trainer SPEC=specs/tiny.yaml && "$tiny" train --iterations 2 --threads 1 --out "$scratch/run" || return 1
    mkdir -p "$scratch/jpg" "$scratch/mixed" && draw 0.48 "$scratch/jpg/%04d.jpg" && draw 1 "$scratch/mixed/a.mp4" && draw 1 "$scratch/mixed/b.mp4"
}
status_of() { # WANTED COMMAND…
    wanted=$1
    shift
    "$@"
    status=$?
    [ "$status" = "$wanted" ] || { echo "the status is $status"; return 1; }
}
score() { "$tiny" score --weights "$scratch/run/last.safetensors" --threads 1 "$@"; }

stills_are_one_video() {
    score --data "$scratch/jpg" --out "$scratch/s1" && score --data "$scratch"/jpg/*.jpg --out "$scratch/s2" &&
        cmp "$scratch/s1/scores.csv" "$scratch/s2/scores.csv" && [ "$(grep -c "^$scratch/jpg,1*[0-9]," "$scratch/s1/scores.csv")" = 12 ]
}
what_is_missing_is_said() {
    echo "no video" >"$scratch/mixed/bad.mp4"
    status_of 4 score --data "$scratch/mixed" --out "$scratch/s3" 2>"$scratch/said" && grep -q "error: 1 of the inputs has no complete result: $scratch/mixed/bad.mp4" "$scratch/said" &&
        [ "$(wc -l <"$scratch/s3/scores.csv")" = 51 ] || return 1
    rm "$scratch/mixed/bad.mp4"
    status_of 0 score --data "$scratch/mixed" --out "$scratch/s4" && cmp "$scratch/s3/scores.csv" "$scratch/s4/scores.csv"
}
# The video is removed when the first one, which is long, begins.
a_video_vanishes() {
    mkdir "$scratch/two" && draw 200 "$scratch/two/a.mp4" && cp "$scratch/mixed/b.mp4" "$scratch/two" && mkfifo "$scratch/shown" || return 1
    score --data "$scratch/two" --cache 0 --out "$scratch/s5" >"$scratch/shown" 2>"$scratch/said" &
    while read -r line; do
        case $line in data:*) rm "$scratch/two/b.mp4" ;; esac
    done <"$scratch/shown"
    status_of 4 wait $! && grep -q "b.mp4: .*; it has no scores from there on" "$scratch/said" && grep -q "error: 1 of the inputs has no complete result: .*two/b.mp4" "$scratch/said" &&
        [ "$(wc -l <"$scratch/s5/scores.csv")" = 5001 ]
}

check "a trainer and videos are built" prepare
check "stills are the frames of one video, in a folder and named one by one" stills_are_one_video
check "score writes what it can, reports what is missing, and ends with status 4" what_is_missing_is_said
check "a video that vanishes midway changes no other scores" a_video_vanishes
done_checking
