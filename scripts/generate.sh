#!/bin/sh
# generate.sh SPEC [sample]: compiles SPEC into build/<name>/generated and prints the name. Files that stay the same keep their
# time, so nothing is rebuilt for them. Files of an earlier run that no longer belong there are removed. With "sample", the C of
# specs/gru_ae.yaml is also copied to generated/gru_ae, the sample for people to read. ZOETROPE_OPTIONS are further options of the
# compiler, TUNING is a tuning file.
set -eu

spec=$1
said=$(build/zoetrope check "$spec") # "specs/tiny.yaml: tiny is correct"
said=${said% is correct}
name=${said##*: } shown=${said%: *} # the spec's path, escaped

# update FROM TO: makes the folder TO equal to FROM.
update() {
    mkdir -p "$2"
    for file in "$2"/*; do
        [ -e "$1/${file##*/}" ] || rm -f "$file"
    done
    for file in "$1"/*; do
        cmp -s "$file" "$2/${file##*/}" || cp "$file" "$2/${file##*/}"
    done
}

mkdir -p "build/$name"
exec 9>"build/$name/.lock"
flock 9
rm -rf "build/$name/generated.new"
# shellcheck disable=SC2086 # options are words
build/zoetrope compile "$spec" -o "build/$name/generated.new" ${TUNING:+--tuning "$TUNING"} ${ZOETROPE_OPTIONS-} >&2 || {
    status=$?
    [ -z "${ZOETROPE_OPTIONS-}" ] || echo "(with ZOETROPE_OPTIONS=\"$ZOETROPE_OPTIONS\", and -o build/$name/generated.new)" >&2
    exit $status
}
if [ ! -d "build/$name/generated.new" ]; then # --help, --version
    echo "generate.sh: with ZOETROPE_OPTIONS=\"$ZOETROPE_OPTIONS\", zoetrope compile writes no C; build/$name/generated/ is as it was" >&2
    exit 2
fi
update "build/$name/generated.new" "build/$name/generated"
rm -rf "build/$name/generated.new"
if [ "${2-}" = sample ]; then
    folder=build/$name/generated
    if [ "$spec" -ef specs/gru_ae.yaml ]; then
        folder=generated/$name
        update "build/$name/generated" "$folder"
    fi
    printf '%s is compiled to %s/\n' "$shown" "$folder" >&2
fi
echo "$name"
