#!/bin/sh
# run.sh TIER: runs the tests of a tier (quick or slow), one line each, and ends with "N passed, N failed". A tier is all of
# tests/TIER/*.sh; quick runs the Check suites first. Each prints "ok …" and "not ok …" lines, and notes after a '#'.
# ZOETROPE_LEFT_OUT has the suites and scripts of the quick tier that are not run: "lower examples.sh".
# Suites and scripts run side by side, as many as there are processors; the slow scripts two at a time, the longest first. Quick scripts that
# write the same files of build/ run one after the other. The lines of each appear when it is done.
set -u

tier=$1
results=build/results-$tier.txt
mkdir -p build
export CK_TIMEOUT_MULTIPLIER="${CK_TIMEOUT_MULTIPLIER:-10}" # the machine may be busy or slow
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY-passive}"         # spinning threads would make a busy machine far slower

# run-one.sh PROGRAM…: a program that ends with an error but reported no failure has crashed. That is a failure too.
cat >build/run-one.sh <<'END'
log=$(mktemp)
start=$(date +%s)
"$@" >"$log" 2>&1 </dev/null
status=$?
times >"$log.times" # not in a pipe, where it would count only itself
echo "#   $* took $(($(date +%s) - start)) s; of processor time, user and system: $(tail -n 1 "$log.times")" >>"$log"
test "$status" = 0 || grep -q '^not ok' "$log" || echo "not ok - $* ends with exit status $status" >>"$log"
flock build/run-one.sh cat "$log"
rm -f "$log" "$log.times"
END
# kept: of the names on its input, those that are not left out.
kept() { tr ' ' '\n' | grep -vxF "$(echo "${ZOETROPE_LEFT_OUT-none}" | tr ' ' '\n')"; }
suites=$([ "$tier" != quick ] || build/tests/run --list | kept)
# jobs: a line for each, of programs that run one after the other.
bundles="inference.sh examples.sh" # they write build/tiny/inference
jobs() {
    for script in $bundles; do echo "$script" | kept | sed 's|.*|sh tests/quick/&|'; done | paste -s -d ';'
    ls tests/quick | grep -vxF "$(echo $bundles | tr ' ' '\n')" | kept | sed 's|.*|sh tests/quick/&|' | paste -s -d ';'
    echo "$suites" | sed 's|.*|build/tests/run &|'
}
# run-jobs.sh PROGRAM;PROGRAM…
cat >build/run-jobs.sh <<'END'
echo "$1" | tr ';' '\n' | while read -r program; do sh build/run-one.sh $program; done
END
{
    if [ "$tier" = quick ]; then
        jobs | grep . | xargs -P "$(nproc)" -d '\n' -I JOBS sh build/run-jobs.sh JOBS
    else
        longest="tests/slow/sanitize.sh tests/slow/inference.sh tests/slow/parity.sh"
        printf '%s\n' $longest tests/"$tier"/*.sh | awk '!seen[$0]++' | xargs -P 2 -I SCRIPT sh build/run-one.sh sh SCRIPT
    fi
} | tee "$results"

passed=$(grep -c '^ok ' "$results")
failed=$(grep -c '^not ok ' "$results")
if [ "$tier" = quick ] && [ "$(grep -c '^# [0-9]* passed, [0-9]* failed$' "$results")" != "$(echo "$suites" | wc -l)" ]; then
    echo "not ok - not every suite of build/tests/run ran to its end"
    failed=$((failed + 1))
fi
if [ "$failed" != 0 ]; then
    echo "what failed:"
    sed -n 's/^not ok /  &/p' "$results" # indented, so that they are not counted twice
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
