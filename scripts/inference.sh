#!/bin/sh
# inference.sh SPEC: writes build/<name>/inference/ of the weights $WEIGHTS, for $TARGETS and $ENDIAN, in $PRECISION, and as
# $WEIGHTS_AS, where they are given.
set -eu

spec=$1
if [ -z "${WEIGHTS-}" ]; then
    echo "make inference wants the network's weights: make inference SPEC=$spec WEIGHTS=runs/first/last.safetensors" >&2
    exit 2
fi
said=$(build/zoetrope check "$spec") # "specs/tiny.yaml: tiny is correct"
said=${said% is correct}
name=${said##*: }
folder=build/$name/inference
rm -rf "$folder.new"
build/zoetrope inference "$spec" --weights "$WEIGHTS" -o "$folder.new" ${TARGETS:+--targets "$TARGETS"} ${ENDIAN:+--endian "$ENDIAN"} \
    ${WEIGHTS_AS:+--weights-as "$WEIGHTS_AS"} ${PRECISION:+--precision "$PRECISION"}
rm -rf "$folder"
mv "$folder.new" "$folder"
echo "$spec with $WEIGHTS is in $folder/"
