# make parity, with a test for each spec and target. Only the first ZOETROPE_RANDOM_SPECS (12) of its random specs and ZOETROPE_RANDOM_SYSTEMS (6) of its systems.
. tests/lib.sh
log=$scratch/parity
make parity PARITY="--count ${ZOETROPE_RANDOM_SPECS:-12} --systems ${ZOETROPE_RANDOM_SYSTEMS:-6}" >"$log" 2>&1
status=$?
sed -n 's/^\([a-z_0-9]*\) *\([a-z0-9]*\) .*pass$/ok - parity: \1 \2/p; s/^\([a-z_0-9]*\) *\([a-z0-9]*\) .*FAILED$/not ok - parity: &/p; s/^    /#   /p' "$log"
if [ "$status" != 0 ] && ! grep -q FAILED "$log"; then
    tail -n 20 "$log" | sed 's/^/#   /'
    echo "not ok - parity: exit status $status"
fi
exit "$status"
