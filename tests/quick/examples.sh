# Each example runs as its README says, for fewer iterations.
. tests/lib.sh

for example in examples/*/run.sh; do
    name=$(basename "$(dirname "$example")")
    check "examples/$name runs" sh "$example" "$scratch/$name" 20
done
check "examples/own_videos leaves measurements of its held-out videos" test -s "$scratch/own_videos/reconstructed/reconstruct.jsonl"
check "examples/own_spec leaves weights" test -s "$scratch/own_spec/last.safetensors"
done_checking
