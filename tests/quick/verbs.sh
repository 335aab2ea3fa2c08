# The verbs of make: unusual names and wrong options. If a verb fails, nothing is lost or left behind.
. tests/lib.sh

# spec NAME: a small one, in $scratch/NAME.yaml.
spec() {
    printf '%s\n' 'version: 1' "name: $1" 'input: {T: 2, channels: 1, height: 8, width: 8}' 'encoder:' \
        '  - conv: {channels: 3, kernel: 3, padding: 1, norm: batch}' 'decoder:' '  - conv: {channels: 1, kernel: 3, padding: 1}' \
        'training: {batch: 2}' >"$scratch/$1.yaml"
}

# Files in build/ that belong to no spec have names that no spec can have. (`tests` shares a folder with the tests, but no file.)
builds_trainer() {
    spec "$1" && make trainer SPEC="$scratch/$1.yaml" ZOETROPE_OPTIONS="--targets generic" CFLAGS="-O0 ${CFLAGS-}" &&
        "build/$1/$1" info | grep "$1"
}
for name in lock compiler tests; do check "a spec may be called $name" builds_trainer $name; done
# Options that write no C: the program and its C stay as they are.
keeps_generated() {
    cp -r build/lock/generated "$scratch/generated" || return 1
    for words in '--help' '--version' '--targets none' '--max-ram 1k'; do
        ! make trainer SPEC="$scratch/lock.yaml" ZOETROPE_OPTIONS="$words" >"$scratch/said" 2>&1 && grep -qF "ZOETROPE_OPTIONS=\"$words\"" "$scratch/said" &&
            diff -r build/lock/generated "$scratch/generated" && [ ! -e build/lock/generated.new ] || return 1
    done
    make trainer SPEC="$scratch/lock.yaml" ZOETROPE_OPTIONS="--targets generic --dump graph" 2>&1 | grep -q 'conv2d' && build/lock/lock info
}
check "options that write no C are an error, and nothing is lost" keeps_generated
# If clips cannot be read, the new bundle is not installed, and the old one stays.
keeps_bundle() {
    weights=tests/fixtures/parity_small.weights.safetensors
    sed "s/^name: .*/name: shipped/" tests/fixtures/parity_small.yaml >"$scratch/shipped.yaml" &&
        make inference SPEC="$scratch/shipped.yaml" WEIGHTS=$weights TARGETS=generic && cp -r build/shipped/inference "$scratch/shipped" || return 1
    ! make inference SPEC="$scratch/shipped.yaml" WEIGHTS=$weights TARGETS=generic CLIPS="$scratch/nope" CFLAGS="-O0 ${CFLAGS-}" >"$scratch/said" 2>&1 &&
        cat "$scratch/said" && grep -q "$scratch/nope" "$scratch/said" && [ "$(ls build/shipped)" = inference ] &&
        diff -r build/shipped/inference "$scratch/shipped"
}
check "if clips cannot be read, the old bundle stays, and nothing else is left" keeps_bundle
# CMake reserves the names of its own targets.
builds_with_cmake() {
    sed "s/^name: .*/name: $1/" tests/fixtures/parity_small.yaml >"$scratch/$1.yaml" &&
        build/zoetrope inference "$scratch/$1.yaml" --weights tests/fixtures/parity_small.weights.safetensors --targets generic -o "$scratch/$1" &&
        printf '%s\n' 'cmake_minimum_required(VERSION 3.10...4.0)' 'project(user C)' "add_subdirectory($1)" 'add_executable(program program.c)' \
            "target_link_libraries(program PRIVATE $2)" >"$scratch/CMakeLists.txt" &&
        printf '%s\n' "#include \"$1.h\"" "int main(void) { return $1_error_text(0) == 0; }" >"$scratch/program.c" &&
        cmake -S "$scratch" -B "$scratch/cmake_$1" -DCMAKE_C_FLAGS="-O0 ${CFLAGS-}" && cmake --build "$scratch/cmake_$1" && "$scratch/cmake_$1/program"
}
check "a bundle has its name in CMake" builds_with_cmake net net
for name in all m; do check "a bundle called $name has another name in CMake" builds_with_cmake $name ${name}_network; done
# optimises LEVEL OPTION…: checks the last -O with which CMake compiles the bundle as a project by itself, without a deprecation warning.
optimises() {
    level=$1
    shift
    rm -rf "$scratch/levels" && env -u CFLAGS cmake -S "${project-$scratch/net}" -B "$scratch/levels" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON \
        -DCMAKE_DISABLE_FIND_PACKAGE_OpenMP=ON -Wdeprecated -Werror=deprecated "$@" &&
        grep '"command".*net_generic' "$scratch/levels/compile_commands.json" >"$scratch/command" && cat "$scratch/command" &&
        [ "$(grep -o -e ' -O[0-9a-z]*' "$scratch/command" | tail -n 1)" = "${level:+ $level}" ]
}
optimises_as_the_directory_says() {
    mkdir -p "$scratch/user" && printf '%s\n' 'cmake_minimum_required(VERSION 3.10...4.0)' 'project(user C)' 'add_compile_options(-O1)' \
        'add_subdirectory(../net net)' >"$scratch/user/CMakeLists.txt" && project=$scratch/user optimises -O1
}
check "CMake compiles a bundle with -O2 by default" optimises -O2
check "CMake compiles a bundle as the build type says" optimises "" -DCMAKE_BUILD_TYPE=Debug
check "CMake compiles a bundle as CMAKE_C_FLAGS say" optimises -O3 "-DCMAKE_C_FLAGS=-g -O3"
check "CMake compiles a bundle as its user's directory says" optimises_as_the_directory_says
done_checking
