#!/bin/sh
# inference.sh SPEC: writes build/<name>/inference/ from the weights $WEIGHTS. $TARGETS, $ENDIAN, $PRECISION, $WEIGHTS_AS and
# $RECURRENCE are optional. With $CLIPS, files and folders of videos, it prints the PSNR of their reconstructions, and how much of it
# the precision lost. That is measured on bundles for this machine, whatever $TARGETS is.
set -eu

spec=$1
if [ -z "${WEIGHTS-}" ]; then
    echo "make inference needs the network's weights: make inference SPEC=… WEIGHTS=runs/first/last.safetensors" >&2
    exit 2
fi
said=$(build/zoetrope check "$spec") # "specs/tiny.yaml: tiny is correct"
said=${said% is correct}
name=${said##*: } shown=${said%: *} # the spec's path, escaped
folder=build/$name/inference
precision=${PRECISION:-f32}
trap 'rm -rf "$folder.new" "$folder.clips"' EXIT # whatever happens
trap 'exit 1' INT TERM HUP
rm -rf "$folder.new"
build/zoetrope inference "$spec" --weights "$WEIGHTS" -o "$folder.new" --precision "$precision" ${TARGETS:+--targets "$TARGETS"} \
    ${ENDIAN:+--endian "$ENDIAN"} ${WEIGHTS_AS:+--weights-as "$WEIGHTS_AS"} ${RECURRENCE:+--recurrence "$RECURRENCE"}

# psnr PRECISION: prints decibels and the number of clips, such as "30.1234 56".
psnr() {
    rm -rf "$folder.clips"
    build/zoetrope inference "$spec" --weights "$WEIGHTS" -o "$folder.clips" --precision "$1"
    kind=
    if grep -q "_HAS_STEP" "$folder.clips/$name.h"; then
        kind=-DSYSTEM
        size() { sed -n "s/^#define [A-Z_0-9]*_$1 \([0-9]*\).*/\1/p" "$folder.clips/$name.h"; }
        [ "$(size OUTPUT_SIZE_reconstruction)" = "$(size CLIP_SIZE)" ] || {
            echo "CLIPS measures the reconstruction of clips, and $shown has no output \`reconstruction\` of their shape; leave CLIPS out" >&2
            exit 1
        }
    fi
    # shellcheck disable=SC2046,SC2086 # several libraries; an option or none
    ${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O2 $kind -DBUNDLE="$name" -DUPPER="$(echo "$name" | tr '[:lower:]' '[:upper:]')" -DBUNDLE_HEADER="\"$name.h\"" \
        -Iruntime "-I$folder.clips" scripts/bundle_psnr.c "$folder.clips/$name"*.c build/runtime.a -fopenmp ${CFLAGS-} \
        $(pkg-config --libs libavformat libavcodec libswscale libavutil libpng zlib jansson) -lpthread -lm -o "$folder.clips/psnr"
    # shellcheck disable=SC2086 # several files and folders
    "$folder.clips/psnr" "$folder.clips/$name.weights" $CLIPS
}
if [ -n "${CLIPS-}" ]; then
    whole=$(psnr f32)
    rounded=$whole
    [ "$precision" = f32 ] || rounded=$(psnr "$precision")
    echo "$whole $rounded" | awk -v precision="$precision" '{
        printf "PSNR of %d %s: %.2f dB in f32", $2, $2 == 1 ? "clip" : "clips", $1
        lost = $1 - $3
        if (precision != "f32") printf ", %.2f dB in %s: %.3f dB %s", $3, precision, lost < 0 ? -lost : lost, lost < 0 ? "gained" : "lost"
        print "" }'
fi
rm -rf "$folder"
mv "$folder.new" "$folder"
printf '%s with its weights is in %s/\n' "$shown" "$folder"
