#!/bin/sh
# deps.sh GROUP…: installs what these groups need and the machine lacks: build, test, slow, fuzz, python, bench, format, blas.
# It looks for programs, libraries and what a compiler can do, not for packages: they may have been installed in another way.
set -eu

has_program() { command -v "$1" >/dev/null 2>&1; }
has_library() { pkg-config --exists "$1" 2>/dev/null; }
has_header() { echo "#include <$2>" | "$1" -fopenmp -E -x c - >/dev/null 2>&1; }
has_sanitizer() { # does the compiler have the libraries that -fsanitize links?
    program=$(mktemp)
    links=0
    echo "int main(void) { return 0; }" | "$1" -fsanitize=address -x c -o "$program" - >/dev/null 2>&1 || links=1
    rm -f "$program"
    return "$links"
}
has_module() { python3 -c "import $1" 2>/dev/null; }

# group, how to look for it, Debian package
needs='
build   program cc                      gcc
build   header  cc stdlib.h             libc6-dev
build   program make                    make
build   program flock                   util-linux
build   program pkg-config              pkg-config
build   library yaml-0.1                libyaml-dev
build   library libpng                  libpng-dev
build   library zlib                    zlib1g-dev
build   library jansson                 libjansson-dev
build   library libavformat             libavformat-dev
build   library libavcodec              libavcodec-dev
build   library libswscale              libswscale-dev
build   library libavutil               libavutil-dev
test    library check                   check
test    library openblas                libopenblas-dev
test    program clang                   clang
test    header  clang omp.h             libomp-dev
test    program aarch64-linux-gnu-gcc   gcc-aarch64-linux-gnu
test    program cmake                   cmake
test    program wasm-ld                 lld
test    program ffmpeg                  ffmpeg
test    header  aarch64-linux-gnu-gcc stdlib.h libc6-dev-arm64-cross
test    program qemu-aarch64            qemu-user
format  program clang-format            clang-format
slow    program valgrind                valgrind
slow    library check                   check
slow    library openblas                libopenblas-dev
slow    program clang                   clang
slow    header  clang omp.h             libomp-dev
slow    program g++                     g++
slow    sanitizer clang                 libclang-rt-dev
fuzz    program clang                   clang
fuzz    sanitizer clang                 libclang-rt-dev
slow    program clang-format            clang-format
slow    program aarch64-linux-gnu-gcc   gcc-aarch64-linux-gnu
slow    header  aarch64-linux-gnu-gcc stdlib.h libc6-dev-arm64-cross
slow    program qemu-aarch64            qemu-user
slow    program arm-linux-gnueabihf-gcc gcc-arm-linux-gnueabihf
slow    header  arm-linux-gnueabihf-gcc stdlib.h libc6-dev-armhf-cross
slow    program riscv64-linux-gnu-gcc   gcc-riscv64-linux-gnu
slow    header  riscv64-linux-gnu-gcc stdlib.h libc6-dev-riscv64-cross
slow    program s390x-linux-gnu-gcc     gcc-s390x-linux-gnu
slow    header  s390x-linux-gnu-gcc stdlib.h libc6-dev-s390x-cross
slow    program wasm-ld                 lld
slow    program chromium                chromium
slow    program ffmpeg                  ffmpeg
slow    program python3                 python3
slow    module  ensurepip               python3-venv
bench   header  cc oneapi/dnnl/dnnl.h   libdnnl-dev
bench   library openblas                libopenblas-dev
blas    library openblas                libopenblas-dev
python  program python3                 python3
python  module  ensurepip               python3-venv
'

missing=$(echo "$needs" | while read -r group kind rest; do
    case " $* " in *" $group "*) ;; *) continue ;; esac
    package=${rest##* }
    # shellcheck disable=SC2086 # one or two words
    has_$kind ${rest% *} || echo "$package"
done | sort -u | tr '\n' ' ')
missing=${missing% }
[ -n "$missing" ] || exit 0

install="apt-get install --yes --no-install-recommends $missing"
echo "Missing: $missing"
as_root=
if [ "$(id -u)" != 0 ]; then
    as_root="sudo "
    has_program sudo && sudo -n true 2>/dev/null || cannot="this user may not install packages"
fi
has_program apt-get || cannot="this system does not have apt-get"
if [ -n "${cannot-}" ]; then
    echo "Please install them: $cannot. On Debian or Ubuntu, run" >&2
    echo "    ${as_root:-sudo }apt-get update && ${as_root:-sudo }$install" >&2
    exit 1
fi
echo "Installing: $as_root$install"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# shellcheck disable=SC2086 # a word or none
if ! { ${as_root:+sudo -n} apt-get update && ${as_root:+sudo -n} $install; } >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    echo "Installing failed ($log has the whole output). The command is: apt-get update && $install" >&2
    exit 1
fi
rm -f "$log"
