# The compiler as a program: its output and exit statuses, and that it leaves whole folders or none.
. tests/lib.sh

zoetrope=build/zoetrope
spec=specs/tiny.yaml
new=$scratch/new

# ends STATUS COMMAND…: the command ends with this status, and prints something.
ends() {
    wanted=$1
    shift
    "$@" >"$scratch/said" 2>&1
    status=$?
    cat "$scratch/said"
    [ "$status" = "$wanted" ] && [ -s "$scratch/said" ]
}

# leaves_nothing STATUS COMMAND…: like ends; and the folder `new` does not exist afterwards.
leaves_nothing() {
    rm -rf "$new"
    ends "$@" && [ ! -e "$new" ]
}

# The folder still holds the file `a`, unchanged, and nothing else.
keeps_what_was_there() {
    [ "$(cat "$scratch/kept/a")" = kept ] && [ "$(ls -A "$scratch/kept")" = a ]
}

compiles() {
    rm -rf "$new"
    $zoetrope compile $spec -o "$new/a/b" --targets avx2,generic &&
        [ "$(ls "$new/a/b")" = "$(printf 'tiny_avx2.c\ntiny_generic.c\ntiny_model.c')" ]
}

# A compilation needs more memory than this. (A sanitizer needs more for itself, and ends the program in another way.)
limited() { (ulimit -v 20000 && "$@"); }

without_memory() {
    leaves_nothing 1 limited $zoetrope compile specs/gru_ae.yaml -o "$new" && grep -q 'out of memory' "$scratch/said"
}

each_pass() {
    passes=$($zoetrope --help | sed -n '/^Passes:/ {n; p}')
    [ "$(echo "$passes" | wc -w)" -gt 6 ] || return 1
    for pass in $passes; do
        $zoetrope compile $spec --dump=$pass --targets avx2 >"$scratch/$pass.dump" || return 1
        [ -s "$scratch/$pass.dump" ] || return 1
    done
    $zoetrope compile $spec --dump=plan --targets avx2 -o "$scratch/dumped" | cmp - "$scratch/plan.dump" && [ -s "$scratch/dumped/tiny_avx2.c" ] || return 1
    grep -q 'relu(.*) fused ' "$scratch/fuse.dump" && ! grep -q ' fused ' "$scratch/differentiate.dump" "$scratch/recompute.dump"
}

each_filtering() {
    for one in ${ZOETROPE_SPECS-specs/*.yaml} tests/fixtures/wide.yaml; do
        for size in none 2 4; do $zoetrope compile "$one" --filtering $size -o "$new" || return 1; done
    done
}

each_time() {
    $zoetrope compile $spec -o "$new" --time 2>"$scratch/times" || return 1
    for pass in spec graph differentiate recompute fuse products store lower schedule verify plan emit write total; do
        grep -q "^$pass  *[0-9.]* ms$" "$scratch/times" || return 1
    done
}

# layers KIND COUNT: COUNT layers with norm and activation, from 1 channel to 1.
layers() {
    i=1
    while [ $i -lt "$2" ]; do
        echo "  - $1: {channels: 3, kernel: 3, padding: 1, bias: false, norm: batch, activation: relu}"
        i=$((i + 1))
    done
    echo "  - $1: {channels: 1, kernel: 3, padding: 1}"
}

# 512 layers are the most that a list may have. No other spec has as many tensors, rows and names.
most_layers() {
    {
        echo "version: 1"
        echo "name: most"
        echo "input: {T: 1, channels: 1, height: 4, width: 4}"
        echo "encoder:" && layers conv 512
        echo "decoder:" && layers conv_transpose 512
        echo "training: {batch: 1}"
    } >"$scratch/most.yaml"
    $zoetrope explain "$scratch/most.yaml" --targets generic >"$scratch/most.txt" &&
        grep -q '^encoder511 ' "$scratch/most.txt" && grep -q '^decoder511 ' "$scratch/most.txt"
}

# As docs/training.md says: what make install installs is enough to compile a spec, also with a tuning file, and to build and run its trainer.
installed=$scratch/installed/usr/share/zoetrope
installs() {
    make install DESTDIR="$scratch/installed" PREFIX=/usr >"$scratch/said" || return 1
    grep -qx "installed $scratch/installed/usr/bin/zoetrope; and in $installed: runtime/, specs/, spec.md, LICENSE" "$scratch/said" || return 1
    for file in specs/*.yaml specs/tuning/*.yaml runtime/*.h runtime/*/*.[ch] LICENSE; do test -s "$installed/$file" || return 1; done
    mkdir "$scratch/elsewhere" && cd "$scratch/elsewhere" &&
        "$scratch/installed/usr/bin/zoetrope" compile "$installed/specs/gru_ae.yaml" --tuning "$installed/specs/tuning/gru_ae.zen4.yaml" \
            --targets avx512 -o tuned && grep -q '; tuning [0-9a-f]' tuned/gru_ae_avx512.c
}
installed_trainer_runs() {
    cd "$scratch/elsewhere" && "$scratch/installed/usr/bin/zoetrope" compile "$installed/specs/tiny.yaml" --targets generic -o my &&
        cc -O0 -fopenmp -D_GNU_SOURCE "-I$installed/runtime" ${CFLAGS-} my/*.c "$installed"/runtime/*/*.c \
            $(pkg-config --libs libavformat libavcodec libswscale libavutil libpng zlib jansson) -lpthread -lm -o my/my &&
        my/my train --iterations 1 --out run && test -s run/last.safetensors
}

check "compile makes its folder and writes a file for each target and one for the model" compiles
check "check, explain and documentation end with 0" \
    eval 'ends 0 $zoetrope check $spec && ends 0 $zoetrope explain $spec && ends 0 $zoetrope documentation && ends 0 $zoetrope --help'
check "--dump shows every pass that the help names" each_pass
check "--time shows every pass and their sum" each_time
check "two lists of 512 layers are compiled" most_layers
check "a wrong command line ends with 2" \
    eval 'ends 2 $zoetrope && ends 2 $zoetrope explode && ends 2 $zoetrope compile $spec && ends 2 $zoetrope check $spec --dump=lead &&
          ends 2 $zoetrope compile $spec --targets pentium && ends 2 $zoetrope compile $spec -o ""'
# Each option is for some commands. The other commands refuse it, and say which those are.
refuses_strangers() {
    while read -r words; do
        said=${words#* : }
        leaves_nothing 2 $zoetrope ${words%% : *} && grep -qF "zoetrope: $said" "$scratch/said" || return 1
    done <<END
compile $spec -o $new --precision int8 : compile takes no --precision; inference does
compile $spec -o $new --endian big : compile takes no --endian; inference does
compile $spec -o $new --weights x : compile takes no --weights; inference does
compile $spec -o $new --weights-as object : compile takes no --weights-as; inference does
compile $spec -o $new --kernels : compile takes no --kernels; explain does
compile $spec -o $new --machine=1,2 : compile takes no --machine; explain does
explain $spec -o $new : explain takes no -o; compile, inference and tune do
check $spec -o $new : check takes no -o; compile, inference and tune do
check $spec --dump graph : check takes no --dump; compile and explain do
check $spec --time : check takes no --time; compile, inference and explain do
inference $spec -o $new --weights x --dump graph : inference takes no --dump; compile and explain do
check $spec --filtering 4 : check takes no --filtering; compile, inference, tune and explain do
tune $spec -o $new --dump graph : tune takes no --dump; compile and explain do
tune $spec -o $new --max-ram 1G : tune takes no --max-ram; compile and explain do
tune --tuning x $spec -o $new : tune takes no --tuning; compile and explain do
documentation --targets avx2 : documentation takes no --targets; compile, inference, tune and explain do
documentation $spec : documentation takes no spec: '$spec' is too much
compile $spec -o $new -o $new : -o is given twice; give it once
explain $spec --targets avx2 --targets=generic : --targets is given twice; give it once
explain $spec --kernels --kernels : --kernels is given twice; give it once
inference $spec -o $new --weights x --targets wasm128 --endian big : no machine of the target 'wasm128' is big-endian; with --endian big, --targets can be neon, generic
explain $spec --kernels --dump graph : explain prints what a pass made, or its own tables; leave out --kernels, or --dump
compile $spec --dump=foo : there is no pass 'foo' to dump; the passes are: spec graph differentiate recompute fuse
END
}
check "an option of another command, or one given twice, is an error" refuses_strangers
# Without --targets, targets that have only one byte order are left out.
big_endian_bundle() {
    weights=tests/fixtures/parity_small.weights.safetensors
    for precision in f32 bf16; do
        $zoetrope inference tests/fixtures/parity_small.yaml --weights $weights --endian big --precision $precision -o "$scratch/big" || return 1
    done
    [ "$(cd "$scratch/big" && echo parity_small_*.c)" = "parity_small_generic.c parity_small_neon.c" ] || return 1
    $zoetrope inference tests/fixtures/parity_small.yaml --weights $weights --endian big --targets avx2,generic -o "$scratch/big2" 2>"$scratch/said" &&
        grep -q "no machine of the target 'avx2' is big-endian: it is left out" "$scratch/said" && [ "$(cd "$scratch/big2" && echo parity_small_*.c)" = parity_small_generic.c ]
}
check "a bundle for big-endian machines has the targets that they may have" big_endian_bundle
# The whole help page, and a page for each command with its options, in 80 columns.
helps() {
    $zoetrope --help >"$scratch/help" && grep -q '^  bf16_emulated ' "$scratch/help" && grep -q '^  --max-ram .*compile and explain: ' "$scratch/help" || return 1
    for command in compile inference tune explain check documentation; do
        $zoetrope $command --help >"$scratch/$command.help" && grep -q "^Usage: zoetrope $command" "$scratch/$command.help" &&
            $zoetrope --help $command | cmp - "$scratch/$command.help" || return 1
    done
    ! grep -qE '.{81}' "$scratch/help" "$scratch"/*.help && grep -q '^  --max-ram' "$scratch/compile.help" &&
        ! grep -q -e --endian "$scratch/compile.help" && ! grep -q -e --max-ram -e '^Targets' "$scratch/check.help" &&
        grep -q '^  wasm128 ' "$scratch/inference.help" && ! grep -q wasm128 "$scratch/compile.help"
}
check "--help lists the commands, and the options of each, in 80 columns" helps
check "a spec with errors ends with status 1 and leaves no folder" \
    eval 'sed s/encoder:/encodr:/ $spec >$scratch/wrong.yaml && leaves_nothing 1 $zoetrope compile $scratch/wrong.yaml -o $new'
# A later file cannot be written: the files before it are not replaced either. $scratch/held/ has all files except tiny_avx2.c.
keeps_all() { # COMMAND…
    rm -rf "$scratch/held" && mkdir "$scratch/held" && echo a >"$scratch/held/tiny_generic.c" && echo b >"$scratch/held/tiny_model.c" &&
        ends 1 "$@" compile $spec --targets avx2,generic -o "$scratch/held" && grep "tiny_model.c" "$scratch/said" &&
        [ "$(cd "$scratch/held" && ls -A && cat *)" = "$(printf 'tiny_generic.c\ntiny_model.c\na\nb')" ]
}
a_folder_in_the_way() {
    rm -rf "$scratch/held" && mkdir -p "$scratch/held/tiny_model.c" && echo a >"$scratch/held/tiny_generic.c" &&
        ends 1 $zoetrope compile $spec --targets avx2,generic -o "$scratch/held" && [ "$(cat "$scratch/held/tiny_generic.c")" = a ] &&
        [ "$(ls -A "$scratch/held")" = "$(printf 'tiny_generic.c\ntiny_model.c')" ]
}
# A file system that refuses to rename the last of the files.
a_rename_that_fails() {
    cat >"$scratch/refuse.c" <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
int rename(const char *from, const char *to) {
    int (*real)(const char *, const char *) = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
    if (strstr(from, "tiny_model.c.part")) return errno = EIO, -1;
    return real(from, to);
}
END
    cc -shared -fPIC "$scratch/refuse.c" -ldl -o "$scratch/refuse.so" && keeps_all env LD_PRELOAD="$scratch/refuse.so" $zoetrope
}
check "a folder in a file's place ends with status 1 and changes nothing" a_folder_in_the_way
if ! nm -D $zoetrope | grep -q __asan_init; then
    check "a file that cannot be moved to its place ends with status 1 and changes nothing" a_rename_that_fails
fi
# A terminal would obey these: in a file's name, a key, a value, and the quoted line; ESC, and U+009B, which stands for ESC [.
shows_control_characters() {
    escape=$(printf '\033') csi=$(printf '\302\233') odd=$(printf '%s/a\033[2Jb\nc\377.yaml' "$scratch")
    sed -e 's/^name: .*/name: "a\\e[31mb\\u009b31m"/' -e "1i \"x\\\\e]0;y\\\\a\": 1" $spec >"$odd"
    sed "s/^name:/$csi&/" $spec >"$scratch/csi.yaml"
    { ends 1 $zoetrope check "$odd" && ends 1 $zoetrope check "$odd.yaml" && ends 1 $zoetrope check "$scratch/csi.yaml" && ends 2 $zoetrope "$odd" && ends 2 $zoetrope check x "--y$escape" &&
        ends 1 $zoetrope compile $spec -o "$odd/x" && ends 1 $zoetrope tune $spec -o "$odd" &&
        ends 1 $zoetrope inference $spec -o "$new" --weights "$odd"; } >"$scratch/all" || return 1
    cat -v "$scratch/all"
    ! grep -qF -e "$escape" -e "$csi" "$scratch/all" && ! grep -q "$(printf '\007')" "$scratch/all" && ! grep -qa "$(printf '\377')" "$scratch/all" &&
        grep -qF '/a\x1b[2Jb\nc\xff.yaml:1:1: error: unknown key '"'x\x1b]0;y\x07'" "$scratch/all" && grep -qF "'a\x1b[31mb\u009b31m'" "$scratch/all"
}
check "control characters are shown, not obeyed" shows_control_characters
check "a folder that cannot be made ends with status 1, and no parent folder is left" \
    eval 'leaves_nothing 1 $zoetrope compile $spec -o $new/a/$(printf "%0300d" 0)'
check "a full disk ends with status 1 and leaves no file" \
    eval 'leaves_nothing 1 sh -c "ulimit -f 8; $zoetrope compile $spec -o $new/a"'
check "a full disk leaves a folder as it was" \
    eval 'mkdir $scratch/kept && echo kept >$scratch/kept/a &&
          ends 1 sh -c "ulimit -f 8; $zoetrope compile $spec -o $scratch/kept" && keeps_what_was_there'
# Otherwise, it would measure for minutes before it tries to write.
tune_looks_first() {
    echo kept >"$scratch/a_file" && mkdir -p "$scratch/a_folder/there.yaml" || return 1
    for file in "$scratch/a_file/x.yaml" "$scratch/a_folder/there.yaml" "$new/a/" "$new/$(printf '%0300d' 0)"; do
        leaves_nothing 1 timeout 20 $zoetrope tune $spec --targets generic -o "$file" && ! grep -q measuring "$scratch/said" || return 1
    done
    [ "$(cat "$scratch/a_file")" = kept ] && [ "$(ls -A "$scratch/a_folder")" = there.yaml ]
}
not_a_compiler() { leaves_nothing 1 env CC=true timeout 20 $zoetrope tune $spec --targets generic -o "$new/x" && grep "'true' is not a C compiler" "$scratch/said"; }
check "tune says that a program is not a C compiler" not_a_compiler
check "tune says that its file cannot be written before it measures" tune_looks_first
if ! nm -D $zoetrope | grep -q __asan_init; then
    check "a compilation that runs out of memory ends with 1 and leaves no folder" without_memory
fi
check "standard output that cannot be written ends with 1" \
    eval 'ends 1 sh -c "$zoetrope explain $spec >/dev/full" && ends 1 sh -c "$zoetrope --help >/dev/full" && ends 1 sh -c "$zoetrope --version >/dev/full"'
# A line for each kernel in the generated file's table. --machine decides the bound.
explains_kernels() {
    $zoetrope explain "$spec" --targets avx2 --kernels >"$scratch/kernels" && $zoetrope compile "$spec" -o "$scratch/tables" --targets avx2 &&
        kernels=$(sed -n '/ModelKernel train_kernel/,/};/p' "$scratch"/tables/*_avx2.c | grep -c '{"') && [ "$kernels" -gt 20 ] &&
        [ "$(sed -n '/^kernel /,/^all /p' "$scratch/kernels" | grep -Ec ' (memory|FLOPs)$')" = "$kernels" ] &&
        $zoetrope explain "$spec" --targets avx2 --machine 1e-3,1e6 | grep -E '^encoder1_conv_forward .* FLOPs$' &&
        $zoetrope explain "$spec" --targets avx2 --machine 1e6,1e-3 | grep -E '^encoder1_conv_forward .* memory$' &&
        ends 2 $zoetrope explain "$spec" --machine fast && grep -q 'as in 256,40' "$scratch/said"
}
# Minimal filtering is used by default where it wins, is named where it is used, and can be turned off.
filters() {
    $zoetrope compile specs/gru_ae.yaml -o "$scratch/filtered" --targets avx2 &&
        $zoetrope compile specs/gru_ae.yaml -o "$scratch/direct" --targets avx2 --filtering none &&
        [ "$(grep -c 'by minimal filtering' "$scratch/filtered/gru_ae_avx2.c")" -ge 24 ] &&
        ! grep -q 'by minimal filtering' "$scratch/direct/gru_ae_avx2.c" &&
        ends 2 $zoetrope compile specs/gru_ae.yaml -o "$scratch/none" --filtering 3 && grep -q 'none|2' "$scratch/said"
}
# A tuning file is used, named in the generated code, and refused as a whole if one of its choices is not legal.
tunes() {
    printf '%s\n' 'spec: tiny' 'target: avx2' 'encoder1_conv_forward: {algorithm: direct, tile_columns: 3}' >"$scratch/tuning.yaml"
    $zoetrope compile "$spec" -o "$scratch/tuned" --targets avx2,generic --tuning "$scratch/tuning.yaml" &&
        grep -q 'options: .*; tuning [0-9a-f]\{16\}\.' "$scratch/tuned/tiny_avx2.c" && ! grep -q tuning "$scratch/tuned/tiny_generic.c" &&
        $zoetrope explain "$spec" --kernels --targets avx2 --tuning "$scratch/tuning.yaml" |
        grep -q '^encoder1_conv_forward: {algorithm: direct, .*tile_columns: 3,' &&
        sed -i 's/: 3/: 300/' "$scratch/tuning.yaml" &&
        leaves_nothing 1 $zoetrope compile "$spec" -o "$new" --targets generic,avx2 --tuning "$scratch/tuning.yaml" &&
        grep -q 'tuning.yaml:3:58: error: `tile_columns` cannot be 300' "$scratch/said" &&
        ends 1 $zoetrope explain "$spec" --tuning "$scratch/tuning.yaml" && ends 1 $zoetrope explain "$spec" --tuning "$scratch/none.yaml" &&
        ends 2 $zoetrope check "$spec" --tuning "$scratch/tuning.yaml"
}
# The tuning files of this tree fit the kernels that their specs have today.
takes_tuning_files() {
    tried=0
    for file in specs/tuning/*.yaml; do
        name=${file##*/}
        [ -f "specs/${name%%.*}.yaml" ] || continue
        echo "$file"
        $zoetrope explain "specs/${name%%.*}.yaml" --tuning "$file" >/dev/null || return 1
        tried=$((tried + 1))
    done
    [ "$tried" -ge 2 ]
}
# Sixteen phases to three channels: many buffers in one kernel.
many_phases() {
    printf '%s\n' 'version: 1' 'name: phases' 'input: {T: 2, channels: 3, height: 33, width: 37}' 'encoder:' \
        '  - conv: {channels: 32, kernel: 7, stride: 4, padding: 3}' 'decoder:' \
        '  - conv_transpose: {channels: 3, kernel: 7, stride: 4, padding: 3}' >"$scratch/phases.yaml"
    $zoetrope compile "$scratch/phases.yaml" -o "$scratch/phases"
}
# Five channels in tiles of four: a parallel loop with a full tile and a rest. In each, the variable has one value, and is left out: with
# it, gcc 12 wrongly warned of an access out of bounds.
full_tile_and_rest() {
    printf '%s\n' 'version: 1' 'name: five' 'input: {T: 2, channels: 1, height: 5, width: 14}' 'encoder:' \
        '  - conv: {channels: 5, kernel: 5, stride: [2, 4], padding: [1, 2], norm: batch, activation: tanh}' 'decoder:' \
        '  - conv_transpose: {channels: 1, kernel: 5, stride: [2, 4], padding: [1, 2], output_padding: [0, 1]}' 'loss: l1' \
        'training: {batch: 1}' >"$scratch/five.yaml" &&
        $zoetrope compile "$scratch/five.yaml" -o "$scratch/five" --targets generic &&
        sed -n '/^static void encoder0_batch_norm_grad_sums_merge_body/,/^}/p' "$scratch/five/five_generic.c" >"$scratch/merge" &&
        cat "$scratch/merge" && grep -q 'if (c0 < 1)' "$scratch/merge" && ! grep -q '\* c0' "$scratch/merge" &&
        gcc -std=c11 -O2 -Wall -Wextra -Wconversion -Werror -Iruntime -c "$scratch/five/five_generic.c" -o "$scratch/five.o"
}
check "a decoder of sixteen phases is compiled" many_phases
check "if a loop has a full tile and a rest, indices in both are constants" full_tile_and_rest
check "minimal filtering can be turned off" filters
check "every spec is compiled with tiles of 2 and of 4, and without" each_filtering
check "a tuning file is used and named; an illegal choice is an error" tunes
check "the tuning files of specs/tuning are legal" takes_tuning_files
check "explain --kernels shows every kernel's work, and what bounds it" explains_kernels

# Of each step; dumps, too, say which step they are of. What explain says of systems is in tests/test_explain_system.c.
explains_systems() {
    for spec in $(grep -l "^version: 2" specs/*.yaml); do
        echo "$spec"
        $zoetrope explain "$spec" --targets generic >"$scratch/system.txt" && grep -q '^evaluation' "$scratch/system.txt" || return 1
    done
    two=specs/anogan.yaml
    $zoetrope explain $two --targets generic --kernels >"$scratch/kernels" && $zoetrope compile $two -o "$scratch/steps" --targets generic &&
        kernels=$(sed -n '/ModelKernel step[01]_kernel/,/};/p' "$scratch"/steps/*_generic.c | grep -c '{"') && [ "$kernels" -gt 40 ] &&
        [ "$(sed -n '/^step 0$/,/^how /p' "$scratch/kernels" | grep -Ec ' (memory|FLOPs)$')" = "$kernels" ] || return 1
    for pass in graph differentiate recompute fuse lower schedule; do
        $zoetrope compile $two --targets generic --dump $pass >"$scratch/dump" && [ "$(grep -Ec '^step [01]$' "$scratch/dump")" = 2 ] || return 1
    done
    $zoetrope compile $two --targets generic --dump plan | grep -q '^step1 0 '
}
# The keys of a system's tuning file name the program.
tunes_systems() {
    printf '%s\n' 'spec: anogan' 'target: generic' 'step1.generator0_linear_forward: {tile_sequences: 1}' >"$scratch/steps.yaml"
    $zoetrope explain specs/anogan.yaml --targets generic --kernels --tuning "$scratch/steps.yaml" >"$scratch/kernels" &&
        grep -q '^step1.generator0_linear_forward: {.*tile_sequences: 1' "$scratch/kernels" &&
        grep -q '^step0.generator0_linear_forward: {.*tile_sequences: [2-9]' "$scratch/kernels" &&
        sed -i 's/^step1/step2/' "$scratch/steps.yaml" &&
        leaves_nothing 1 $zoetrope compile specs/anogan.yaml -o "$new" --targets generic --tuning "$scratch/steps.yaml" &&
        grep -q "steps.yaml:3:1: error: there is nothing to choose in a program 'step2'" "$scratch/said"
}
check "explain and --dump show each step of a system" explains_systems
check "a tuning file of a system names the programs of its kernels" tunes_systems

# Those of version 2 too; a bundle without weights is one error, and nothing is written.
checks_systems() {
    for spec in $(grep -l "^version: 2" specs/*.yaml); do
        build/zoetrope check "$spec" >"$scratch/checked" 2>&1 || return 1
        [ "$(cat "$scratch/checked")" = "$spec: $(basename "$spec" .yaml) is correct" ] || return 1
    done
    leaves_nothing 1 build/zoetrope inference specs/vae.yaml --weights none -o "$new/x" && grep -q "none: cannot be opened" "$scratch/said"
}
check "specs of version 2 are correct; bundles of them want weights" checks_systems

check "the installed compiler compiles specs, also with a tuning file" installs
check "the installed files build a trainer that trains" installed_trainer_runs
done_checking
