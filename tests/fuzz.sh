#!/bin/sh
# fuzz.sh SECONDS: runs a bundle's open, verify, self-test and step on hostile files of weights, with libFuzzer, ASan and UBSan, on one
# core. The network is small, and so are its files. A file that does harm is kept in build/fuzz-files/ as crash-….
set -eu
cd "$(dirname "$0")/.."

seconds=${1:-600}
folder=build/fuzz-files
mkdir -p build
exec 9>build/fuzz.lock
flock 9 # one run at a time
rm -rf $folder
mkdir -p $folder/corpus
build/zoetrope inference tests/fixtures/parity_small.yaml --weights tests/fixtures/parity_small.weights.safetensors --precision int8 -o $folder/bundle
cp $folder/bundle/parity_small.weights $folder/corpus/
clang -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -DBUNDLE=parity_small -DUPPER=PARITY_SMALL \
    -DBUNDLE_HEADER='"parity_small.h"' -I$folder/bundle tests/bundle/fuzz.c $folder/bundle/parity_small*.c -lm -o $folder/fuzz
cd $folder
status=0
./fuzz -max_total_time="$seconds" -max_len=1000000 -timeout=300 -print_final_stats=1 corpus >log 2>&1 || status=$?
tail -n 40 log
exit $status
