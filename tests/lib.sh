# lib.sh: shared by the shell tests. A test is a line: check "what is shown" COMMAND… (functions chain their commands with &&).
# Its output goes to a log, which is shown if it fails. Tests run in the root of the tree, and write their files to $scratch.
set -u
script=$(basename "$0")
count=0
failures=0
scratch=$(mktemp -d "${TMPDIR:-/tmp}/zoetrope_test_XXXXXX")
trap 'rm -rf "$scratch"' EXIT

check() {
    name=$1
    shift
    count=$((count + 1))
    if ("$@") >"$scratch/log" 2>&1 </dev/null; then
        echo "ok $count - $script: $name"
    else
        echo "not ok $count - $script: $name"
        tail -n 30 "$scratch/log" | sed 's/^/#   /'
        failures=$((failures + 1))
    fi
}

done_checking() { [ "$failures" = 0 ]; }
