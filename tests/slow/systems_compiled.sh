# All small systems as C, by two compilers and at any number of threads; the quick tests take every other one.
. tests/lib.sh
make build/tests/run >/dev/null || exit
ZOETROPE_SLOW=1 build/tests/run systems_compiled >"$scratch/lines" 2>&1
status=$?
grep -v '^[0-9#]' "$scratch/lines"
exit "$status"
