# exp, tanh, sigmoid, log and cos for every float, and the rest of that suite.
. tests/lib.sh
make build/tests/run >/dev/null && ZOETROPE_SLOW=1 build/tests/run function | grep -v '^[0-9#]'
