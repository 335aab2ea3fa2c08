# A scheduler signals the whole process group of a job. The job's script forwards signals to the training, which so gets each twice.
. tests/lib.sh

export OMP_WAIT_POLICY=passive
trainer=build/signalled/signalled
cat >"$scratch/job" <<'END'
"$@" &
child=$!
trap 'kill -TERM $child' TERM
trap 'kill -INT $child' INT
wait $child
status=$?
while kill -0 $child 2>/dev/null; do
    wait $child
    status=$?
done
echo "$status" >"$said"
END
# stops SIGNAL STATUS: signals a job in its own process group while it trains. Everything that it did is saved, and it can be resumed.
stops() {
    folder=$scratch/$1
    said=$scratch/status export said
    rm -rf "$folder" "$said"
    setsid sh "$scratch/job" $trainer train --iterations 1000000 --threads 1 --out "$folder" &
    job=$!
    for turn in $(seq 300); do
        test -s "$folder/metrics.jsonl" && break
        sleep 0.1
    done
    kill -"$1" "-$job" || return 1
    for turn in $(seq 300); do
        test -s "$said" && break
        sleep 0.1
    done
    kill -KILL "-$job" 2>/dev/null # what is still there is no success
    cat "$said" && test "$(cat "$said")" = "$2" || return 1
    done=$(wc -l <"$folder/metrics.jsonl")
    $trainer train --iterations $((done + 1)) --threads 1 --out "$folder" --resume && test "$(wc -l <"$folder/metrics.jsonl")" = $((done + 1))
}

# An iteration must last until the script has forwarded the signal. This one takes some tenths of a second.
printf '%s\n' 'version: 1' 'name: signalled' 'input: {T: 2, channels: 1, height: 64, width: 64}' 'encoder:' \
    '  - conv: {channels: 16, kernel: 3, padding: 1, norm: batch}' 'decoder:' '  - conv: {channels: 1, kernel: 3, padding: 1}' \
    'training: {batch: 4}' >"$scratch/signalled.yaml"
check "a trainer with long iterations is built" make trainer SPEC="$scratch/signalled.yaml" ZOETROPE_OPTIONS="--targets generic" CFLAGS="-O0 ${CFLAGS-}"
check "a process group gets SIGTERM, and its script forwards it: everything is saved" stops TERM 143
check "the same with SIGINT" stops INT 130
done_checking
