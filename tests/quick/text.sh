# Files may have any name. Every program shows it as one line of UTF-8, and never shows two names as the same.
. tests/lib.sh

trainer=build/parity_small/parity_small
export OMP_WAIT_POLICY=passive
newline=$(printf 'a\nb') byte=$(printf 'a\377') other=$(printf 'a\376') escape=$(printf 'a\033[2J') separator=$(printf 'a\342\200\250b')
bidi=$(printf 'a\342\200\256b') space=$(printf 'a\302\240b') quotes='a,"b"' letters='a\nb' plain='été – 動画'

# is_plain FILE: UTF-8 without control characters, invisible characters or direction marks.
is_plain() {
    iconv -f UTF-8 -t UTF-8 "$1" >/dev/null && ! tr -d '\n' <"$1" | LC_ALL=C grep -q '[[:cntrl:]]' &&
        ! LC_ALL=C grep -q "$(printf '\342\200\250\n\342\200\256\n\302\240\n\357\273\277')" "$1"
}

makes_videos() {
    $trainer train --iterations 1 --out "$scratch/run" && frame=$(find "$scratch/run" -name 'real_itr0_no0.png') && [ -s "$frame" ] || return 1
    for name in "$newline" "$byte" "$other" "$escape" "$separator" "$bidi" "$space" "$quotes" "$letters" "$plain"; do
        mkdir -p "$scratch/videos/$name" && for i in 1 2 3; do cp "$frame" "$scratch/videos/$name/$i.png" || return 1; done
    done
}

# in_all NAME: the table, the CSV and the JSON have it, each in its own form.
in_all() {
    grep -qF "videos/$1" "$scratch/score.txt" && grep -qF "videos/$1" "$scratch/reconstruct.txt" &&
        grep -qF "videos/$(printf '%s' "$1" | sed 's/"/""/g')" "$scratch/score/scores.csv" &&
        grep -qF "videos/$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')\"" "$scratch/reconstruct/reconstruct.jsonl"
}
names_stay_apart() {
    $trainer score --weights "$scratch/run/last.safetensors" --data "$scratch/videos" --out "$scratch/score" >"$scratch/score.txt" 2>&1 &&
        $trainer reconstruct --weights "$scratch/run/last.safetensors" --data "$scratch/videos" --out "$scratch/reconstruct" \
            >"$scratch/reconstruct.txt" 2>&1 || return 1
    cat -v "$scratch/score.txt" "$scratch/score/scores.csv" "$scratch/reconstruct/reconstruct.jsonl"
    for file in score.txt reconstruct.txt score/scores.csv reconstruct/reconstruct.jsonl; do is_plain "$scratch/$file" || return 1; done
    [ "$(wc -l <"$scratch/score/scores.csv")" = 31 ] && [ "$(sed 's/,[^,]*,[^,]*$//' "$scratch/score/scores.csv" | sort -u | wc -l)" = 11 ] &&
        [ "$(grep -o '"video": "[^,]*' "$scratch/reconstruct/reconstruct.jsonl" | sort -u | wc -l)" = 10 ] || return 1
    # shellcheck disable=SC1003 # no quote is meant
    for name in 'a\nb' 'a\xff' 'a\xfe' 'a\x1b[2J' 'a\u2028b' 'a\u202eb' 'a\u00a0b' 'a,"b"' 'a\\nb' "$plain"; do in_all "$name" || return 1; done
}

# says STATUS TEXT COMMAND…: the command prints the text and ends with this status.
says() {
    wanted=$1 text=$2
    shift 2
    status=0
    "$@" >"$scratch/said" 2>&1 || status=$?
    cat -v "$scratch/said"
    [ $status = "$wanted" ] && is_plain "$scratch/said" && grep -qF -- "$text" "$scratch/said"
}
warnings_and_errors() {
    mkdir "$scratch/broken" && cp README.md "$scratch/broken/$newline$byte.mp4" && cp -r "$scratch/videos/$plain" "$scratch/broken/" || return 1
    says 4 'warning: '"$scratch"'/broken/a\nba\xff.mp4: ' $trainer score --weights "$scratch/run/last.safetensors" --data "$scratch/broken" --out "$scratch/b" &&
        says 1 'error: '"$scratch"'/a\nb\\n: ' $trainer score --weights "$scratch/$newline\\n" --data "$scratch/broken" --out "$scratch/c" &&
        says 2 '--threads a\x1b[2J: ' $trainer info --threads "$escape" && says 2 'a\u2028b' $trainer "$separator" &&
        says 1 'a\u202eb' env ZOETROPE_TARGET="$bidi" $trainer info
}
runs_have_any_name() {
    says 0 'run         '"$scratch"'/a\xff, iterations' $trainer train --iterations 1 --out "$scratch/$byte" &&
        says 0 "$scratch"'/a\xff: has already done 1 iteration' $trainer train --iterations 1 --resume --out "$scratch/$byte" &&
        says 1 "$scratch"'/a\xff' $trainer train --iterations 1 --out "$scratch/$byte"
}
specs_have_any_name() {
    cp specs/tiny.yaml "$scratch/$newline.yaml" || return 1
    says 0 '/a\nb.yaml: tiny is correct' build/zoetrope check "$scratch/$newline.yaml" &&
        says 2 'a\u00a0b' build/zoetrope "$space" && says 2 "--precision is " build/zoetrope inference specs/tiny.yaml --precision "$bidi"
}

make trainer SPEC=tests/fixtures/parity_small.yaml
check "videos of ten odd names are made" makes_videos
check "tables, CSV and JSON show every name, no two as the same, in UTF-8" names_stay_apart
check "so do warnings and errors" warnings_and_errors
check "so do runs" runs_have_any_name
check "so does the compiler" specs_have_any_name
done_checking
