# The compiler under valgrind: every spec, and specs with errors.
. tests/lib.sh

watched() { valgrind --quiet --error-exitcode=99 "$@"; }
compiles() { watched build/zoetrope compile "$1" -o "$scratch/out"; }
refuses() {
    watched build/zoetrope check "$1"
    test $? = 1
}

for spec in $(grep -L "^version: 2" specs/*.yaml) specs/image_ae.yaml specs/vae_gan.yaml tests/fixtures/parity_small.yaml; do
    check "valgrind finds nothing when $spec is compiled" compiles "$spec"
    sed 's/kernel: \(\[\?\)[0-9][0-9]*/kernel: \199/; s/latent/latnet/' "$spec" >"$scratch/wrong.yaml"
    check "valgrind finds nothing when a wrong $spec is refused" refuses "$scratch/wrong.yaml"
done
done_checking
