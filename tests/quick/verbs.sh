# The verbs of make: what they do with unusual names and wrong options, and that nothing is lost or left behind where they fail.
. tests/lib.sh

# spec NAME: a small one, in $scratch/NAME.yaml.
spec() {
    printf '%s\n' 'version: 1' "name: $1" 'input: {T: 2, channels: 1, height: 8, width: 8}' 'encoder:' \
        '  - conv: {channels: 3, kernel: 3, padding: 1, norm: batch}' 'decoder:' '  - conv: {channels: 1, kernel: 3, padding: 1}' \
        'training: {batch: 2}' >"$scratch/$1.yaml"
}

# Files of this tree's own in build/ have no name that a spec may have. (`tests` shares its folder with the tests, and no file in it.)
builds_trainer() {
    spec "$1" && make trainer SPEC="$scratch/$1.yaml" ZOETROPE_OPTIONS="--targets generic" CFLAGS="-O0 ${CFLAGS-}" &&
        "build/$1/$1" info | grep "$1"
}
for name in lock compiler tests; do check "a spec may be called $name" builds_trainer $name; done
done_checking
