# --max-ram: trainers that recompute results have the same bits as those that keep them, within the limit. A limit that cannot be met is an
# error that states the smallest one that can.
. tests/lib.sh

export OMP_WAIT_POLICY=passive
zoetrope=build/zoetrope

# The memory of training according to `explain` and to the trainer's `info`: fixed part, and scratch for each thread.
explained() { sed -n "s/^  $1  *training  *\([0-9,]*\) + threads × *\([0-9,]*\) .*/\1 \2/p" "$2" | tr -d ,; }
told() { "$1" info --threads 1 | sed -n "s/^  $2  *\([0-9]*\) + 1 × \([0-9]*\) = .*/\1 \2/p"; }
# The smallest limit for each target, as the error states it.
leasts() { $zoetrope explain "$1" --max-ram 1 2>&1 >/dev/null | sed -n 's/.*--max-ram \([0-9]*\),1,.*/\1/p'; }

# A trainer of specs/NAME.yaml within the least memory that is enough for all targets: build/NAME_least/NAME_least
least_trainer() {
    [ "$(leasts "specs/$1.yaml" | wc -l)" = 4 ] && limit=$(leasts "specs/$1.yaml" | sort -n | tail -1) &&
        $zoetrope compile "specs/$1.yaml" -o "build/$1_least/generated" --max-ram "$limit" &&
        grep -q "max-ram $limit,1" "build/$1_least/generated/$1_generic.c" "build/$1_least/generated/$1_model.c" &&
        grep -q '_forward_again(' "build/$1_least/generated/"*.c &&
        make trainer SPEC="specs/$1.yaml" && make "build/$1_least/$1_least" NAME="$1_least"
}

# The trainer's memory is what explain printed, to the byte, with a limit and without; and it is within the limit.
memory_is_as_explained() {
    limit=$(leasts "specs/$1.yaml" | sort -n | tail -1)
    $zoetrope explain "specs/$1.yaml" --max-ram "$limit" >"$scratch/least" && $zoetrope explain "specs/$1.yaml" >"$scratch/stored" || return 1
    for target in avx512 avx2 neon generic; do # those that the trainer has for this machine
        "build/$1/$1" info | grep -q "^  $target " || continue
        least=$(explained $target "$scratch/least")
        [ -n "$least" ] && [ "$least" = "$(told "build/$1_least/$1_least" $target)" ] && [ $((${least% *} + ${least#* })) -le "$limit" ] &&
            [ "$(explained $target "$scratch/stored")" = "$(told "build/$1/$1" $target)" ] || return 1
    done
    [ -n "$least" ]
}

losses() { sed 's/"seconds": *[0-9.e+-]*//' "$1/metrics.jsonl"; }
same_bits() {
    for program in "$1" "$1_least"; do
        ZOETROPE_TARGET=$2 "build/$program/$program" train --iterations 12 --threads 2 --out "$scratch/$program.$2" || return 1
    done
    cmp "$scratch/$1.$2/last.state.safetensors" "$scratch/$1_least.$2/last.state.safetensors" &&
        [ "$(losses "$scratch/$1.$2")" = "$(losses "$scratch/$1_least.$2")" ] && [ "$(losses "$scratch/$1.$2" | wc -l)" = 12 ]
}

for spec in tiny frames; do
    check "a trainer of specs/$spec.yaml is built for the least memory" least_trainer $spec
    check "its memory is what explain printed, to the byte" memory_is_as_explained $spec
    for target in avx512 avx2 generic; do
        # not every target needs to compute anything again to have the least of all of them
        if grep -q '_forward_again(' "build/${spec}_least/generated/${spec}_$target.c" &&
            ZOETROPE_TARGET=$target build/$spec/$spec info >/dev/null 2>&1; then
            check "it trains with the bits of the one that keeps everything, $target" same_bits $spec $target
        fi
    done
done

# refuses STATUS TEXT ARGUMENT…: nothing is written or printed, and the error contains the text.
refuses() {
    wanted=$1 text=$2
    shift 2
    $zoetrope "$@" >"$scratch/out" 2>"$scratch/said"
    status=$?
    cat "$scratch/said"
    [ "$status" = "$wanted" ] && grep -q -e "$text" "$scratch/said" && [ ! -s "$scratch/out" ] && [ ! -e "$scratch/none" ]
}
# The smallest limit is accepted; one byte less is refused.
the_least_is_the_least() {
    least=$($zoetrope explain specs/tiny.yaml --targets avx2 --max-ram 1 2>&1 >/dev/null | sed -n 's/.*--max-ram \([0-9]*\),1,.*/\1/p')
    refuses 1 'tiny on avx2 cannot train' compile specs/tiny.yaml --targets avx2 -o "$scratch/none" --max-ram $((least - 1)) &&
        $zoetrope compile specs/tiny.yaml --targets avx2 -o "$scratch/some" --max-ram "$least" && [ -s "$scratch/some/tiny_avx2.c" ]
}
sizes_are_read() {
    for size in 0 -1 '' '-' 1e-9 12q 1.5G 300M, 300M,0 300M,2000 300M,2k 99999999999999999999 9999999999G 8589934592GiB '300 M'; do
        refuses 2 'wants a whole number of bytes' explain specs/tiny.yaml --max-ram "$size" || return 1
    done
    for size in 300000000 3e8 300000k 300M 1G 300MiB 1GiB 300000KiB,4; do
        $zoetrope explain specs/tiny.yaml --targets generic --max-ram "$size" >"$scratch/explained" || return 1
    done
    grep -q 'within 307,200,000 bytes on 4 threads' "$scratch/explained"
}
# Both dumps show the graph that is run.
dumps() {
    for pass in recompute fuse; do
        $zoetrope compile specs/gru_ae.yaml --targets avx2 --max-ram 250M --dump=$pass >"$scratch/$pass" || return 1
        grep -q 'conv2d(x, encoder.0.weight) padding 1 .* encoder0_conv_forward_again$' "$scratch/$pass" || return 1
    done
    $zoetrope explain specs/gru_ae.yaml --targets avx2 --max-ram 250M --kernels | grep -Eq '^encoder0_conv_forward_again .* (memory|FLOPs)$'
}
check "a limit below the least is an error that states the least, and the least holds" the_least_is_the_least
check "a limit that is too low for any of the targets leaves nothing" \
    refuses 1 'gru_ae on neon cannot train' compile specs/gru_ae.yaml -o "$scratch/none" --max-ram 1M
check "sizes are whole numbers with or without a unit; anything else is refused" sizes_are_read
check "--max-ram is refused if nothing is trained" refuses 2 'check takes no --max-ram' check specs/tiny.yaml --max-ram 300M
check "--dump and --kernels show what is computed again" dumps
done_checking
