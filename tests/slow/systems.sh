# The systems of specs/ with few channels and small batches: they train, with the same bits at any number of threads and in parts.
. tests/lib.sh
export OMP_WAIT_POLICY=passive

# reduced NAME: the spec, in $scratch/NAME.yaml, as small_NAME.
reduced() {
    sed -E 's/channels: 512/channels: 16/; s/channels: (256|128|64|32)/channels: 8/; s/\[512, 4, 4\]/[16, 4, 4]/
        s/\[(256|128), (4|8), (4|8)\]/[8, \2, \3]/; s/\[128, 7, 7\]/[8, 7, 7]/; s/\[3136\]/[392]/; s/features: (1024|512)/features: 64/
        s/features: 6272/features: 392/; s/features: 16384/features: 512/; s/batch: (64|100),/batch: 4,/
        s/iterations: [0-9]+/iterations: 6, strips_every: 2/; s/^name: /name: small_/' "specs/$1.yaml" >"$scratch/$1.yaml"
}
same_files() {
    ls "$1"/*_itr5_no0.png || return 1
    for file in "$1"/last.safetensors "$1"/last.state.safetensors "$1"/*_itr5_*.png; do cmp "$file" "$2/${file##*/}" || return 1; done
}
# trains NAME LOSS…: each loss is in metrics.jsonl and in loss.svg.
trains() {
    name=$1
    shift
    program=build/small_$name/small_$name
    reduced "$name" && make trainer SPEC="$scratch/$name.yaml" ZOETROPE_OPTIONS="--targets generic" CFLAGS="-O1 ${CFLAGS-}" && "$program" train --out "$scratch/$name" --threads 1 &&
        "$program" train --out "$scratch/$name.parts" --iterations 3 --threads 2 && "$program" train --out "$scratch/$name.parts" --resume &&
        same_files "$scratch/$name" "$scratch/$name.parts" || return 1
    for loss in "$@"; do
        [ "$(grep -Ec "\"step[01].loss.$loss\": -?[0-9.e-]+" "$scratch/$name/metrics.jsonl")" = 6 ] && grep -q ">$loss" "$scratch/$name/loss.svg" || return 1
    done
}
check "vae trains" trains vae reconstruction prior
check "anogan trains" trains anogan told_apart fooled
check "efficient_gan trains" trains efficient_gan told_apart fooled
check "vae_gan trains" trains vae_gan prior feature gan
done_checking
