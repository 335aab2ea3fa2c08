# make parity, with a test for each spec and target. Only the first ZOETROPE_RANDOM_SPECS (12) of its random specs, and of its systems, on one
# target alone, ZOETROPE_RANDOM_SYSTEMS (4) random ones and those of specs/.
. tests/lib.sh
log=$scratch/parity
target=generic
if grep -qw avx2 /proc/cpuinfo; then target=avx2; fi
status=0
make parity PARITY="--count ${ZOETROPE_RANDOM_SPECS:-12} --systems 0" >"$log" 2>&1 || status=$?
scripts/python.sh tests/parity/systems.py --systems "${ZOETROPE_RANDOM_SYSTEMS:-4}" --targets "$target" >>"$log" 2>&1 || status=$?
sed -n 's/^\([a-z_0-9]*\) *\([a-z0-9]*\) .*pass$/ok - parity: \1 \2/p; s/^\([a-z_0-9]*\) *\([a-z0-9]*\) .*FAILED$/not ok - parity: &/p; s/^    /#   /p' "$log"
if [ "$status" != 0 ] && ! grep -q FAILED "$log"; then
    tail -n 20 "$log" | sed 's/^/#   /'
    echo "not ok - parity: exit status $status"
fi
# The arithmetic of docs/systems.md's figures.
if scripts/python.sh tests/parity/anomalies.py --self-test >"$log.figures" 2>&1; then
    echo "ok - figures: the area, the division of images and idx files"
else
    sed 's/^/#   /' "$log.figures"
    echo "not ok - figures: the area, the division of images and idx files"
    status=1
fi
exit "$status"
