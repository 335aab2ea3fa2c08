#!/bin/sh
# run.sh TIER: runs the tests of a tier, quick or slow, one line each, and ends with "N passed, N failed". A tier is the Check
# suites (quick only) and every tests/TIER/*.sh; each prints "ok …" and "not ok …" lines, and notes after a '#'.
set -u

tier=$1
results=build/results-$tier.txt
mkdir -p build
: >"$results"
export CK_TIMEOUT_MULTIPLIER="${CK_TIMEOUT_MULTIPLIER:-10}" # a machine may be busy or slow

# A program that ends with an error and reported no failure has crashed: that is a failure too.
run() {
    { "$@" 2>&1 || echo "failed: $*"; } </dev/null >&3 3>&-
}
{
    exec 3>&1
    [ "$tier" != quick ] || run build/tests/run
    for script in tests/"$tier"/*.sh; do
        [ ! -e "$script" ] || run sh "$script"
    done
} | tee "$results"

passed=$(grep -c '^ok ' "$results")
failed=$(grep -c '^not ok ' "$results")
crashed=$(grep '^failed: ' "$results" | grep -vc "^failed: build/tests/run$")
if [ "$failed" = 0 ] && grep -q '^failed: build/tests/run$' "$results"; then crashed=$((crashed + 1)); fi
failed=$((failed + crashed))
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
