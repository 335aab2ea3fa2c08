# Linear layers by OpenBLAS: the trainer links it only then, names it, and keeps its promises about bits.
. tests/lib.sh
export OMP_WAIT_POLICY=passive

zoetrope=build/zoetrope
sed 's/^name: tiny/name: by_blas/' specs/tiny.yaml >"$scratch/by_blas.yaml"
# Every product of a linear layer and of the GRU's projections that is outside of its steps.
kernels='fc1_forward fc1_weight_grad fc1_data_grad fc3_forward fc3_weight_grad fc3_data_grad gru0_input_projection
    gru0_input_projection_weight_grad gru0_input_projection_data_grad gru0_hidden_projection_weight_grad'
target=generic # one is enough
if [ "$(uname -m)" = x86_64 ] && grep -qw avx2 /proc/cpuinfo; then target=avx2; fi
{
    printf 'spec: by_blas\ntarget: %s\n' $target
    for kernel in $kernels; do echo "$kernel: {algorithm: blas}"; done
} >"$scratch/tuning.yaml"

builds() {
    make trainer SPEC=specs/tiny.yaml && make trainer SPEC="$scratch/by_blas.yaml" TUNING="$scratch/tuning.yaml" ZOETROPE_OPTIONS="--targets $target" &&
        [ "$(grep -c 'cblas_sgemm(' build/by_blas/generated/by_blas_$target.c)" -ge 10 ]
}
links_it_only_then() {
    ldd build/by_blas/by_blas | grep -q openblas && ! ldd build/tiny/tiny | grep -q openblas && ! grep -rq cblas build/tiny/generated
}
names_it() {
    build/by_blas/by_blas info | grep -E '^library     OpenBLAS [0-9.]+.*, kernels [A-Za-z0-9]+$' &&
        ! build/tiny/tiny info | grep -q '^library'
}
train() { build/by_blas/by_blas train --threads "$1" --out "$scratch/$2" --iterations "${3-6}"; }
same() { cmp "$scratch/threads1/last.safetensors" "$scratch/$1/last.safetensors" && cmp "$scratch/threads1/last.state.safetensors" "$scratch/$1/last.state.safetensors"; }
threads() { train "$1" "threads$1" && same "threads$1"; }
resumes() { train 2 resumed 3 && build/by_blas/by_blas train --resume --iterations 6 --threads 1 --out "$scratch/resumed" 2>"$scratch/said" && same resumed && ! grep warning "$scratch/said"; }
# Sums have another order: the first loss is the same but for rounding, and those after updates are near.
agrees() {
    build/tiny/tiny train --threads 2 --out "$scratch/own" --iterations 6 &&
        for folder in own threads1; do sed 's/.*"loss": *\([0-9.e+-]*\).*/\1/' "$scratch/$folder/metrics.jsonl" >"$scratch/$folder.losses"; done &&
        [ "$(wc -l <"$scratch/own.losses")" = 6 ] && ! cmp -s "$scratch/own/last.safetensors" "$scratch/threads1/last.safetensors" &&
        paste "$scratch/own.losses" "$scratch/threads1.losses" |
        awk '{ d = $1 - $2; if (d < 0) d = -d; if (!($1 > 0) || d > (NR == 1 ? 1e-6 : 1e-2) * $1) { print; bad = 1 } } END { exit bad }'
}
# OpenBLAS with other kernels, which it has for x86-64 CPUs.
warns() {
    cp -r "$scratch/resumed" "$scratch/other" &&
        OPENBLAS_CORETYPE=Nehalem build/by_blas/by_blas train --resume --iterations 7 --out "$scratch/other" 2>"$scratch/said" &&
        grep 'trained with another BLAS (OpenBLAS .*, and this is OpenBLAS .* Nehalem' "$scratch/said"
}
# refused SPEC TARGET KERNEL: an error with the place and the reason $4, and nothing is written.
refused() {
    printf 'spec: %s\ntarget: %s\n%s: {algorithm: blas}\n' "$1" "$2" "$3" >"$scratch/refused.yaml"
    ! $zoetrope compile "specs/$1.yaml" --targets "$2" --tuning "$scratch/refused.yaml" -o "$scratch/refused" 2>"$scratch/said" &&
        cat "$scratch/said" && [ ! -e "$scratch/refused" ] && grep -q "refused.yaml:3:.*: error: \`$3\` cannot be run by \`blas\` on $2" "$scratch/said" &&
        grep -q "$4" "$scratch/said"
}
bundles_do_not() {
    $zoetrope inference "$scratch/by_blas.yaml" --weights "$scratch/threads1/last.safetensors" -o "$scratch/bundle" && ! grep -rq cblas "$scratch/bundle"
}

check "a trainer whose linear layers are computed by BLAS is built" builds
check "it links OpenBLAS, and a trainer that does not call it does not" links_it_only_then
check "info names the library and its kernels" names_it
check "6 iterations on 1 thread" train 1 threads1
for number in 2 3 5; do check "6 iterations on $number threads give the bits of 1" threads "$number"; done
check "stopped after 3 and resumed, they give the same bits" resumes
check "they agree with generated products" agrees
if [ "$(uname -m)" = x86_64 ]; then check "a run that is resumed with another BLAS goes on, with a warning" warns; fi
check "BLAS for bfloat16 is refused" refused gru_ae_bf16 avx512_bf16 fc1_forward 'BLAS multiplies floats'
check "BLAS for a step of the GRU is refused" refused tiny avx2 gru0_hidden_projection 'BLAS is for linear layers, outside of the steps'
check "BLAS for a convolution is refused" refused tiny avx2 encoder1_conv_forward 'BLAS is for linear layers'
check "bundles do not call BLAS" bundles_do_not
done_checking
