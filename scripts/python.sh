#!/bin/sh
# python.sh SCRIPT…: runs a Python script in a virtual environment in build/ with the packages of REQUIREMENTS (default
# tests/parity/requirements.txt). Making it takes minutes the first time, because PyTorch is large. ZOETROPE_PYTHON names another Python
# that has these packages.
set -eu

python=${ZOETROPE_PYTHON-}
if [ -z "$python" ]; then
    requirements=${REQUIREMENTS:-tests/parity/requirements.txt}
    case $requirements in
    tests/parity/*) environment=build/venv-parity ;;
    *) environment=build/venv-$(basename "$(dirname "$requirements")") ;;
    esac
    python=$environment/bin/python
    mkdir -p build
    exec 9>$environment.lock
    flock 9
    if ! cmp -s "$requirements" $environment/requirements.txt; then
        echo "Making $environment with $(tr '\n' ' ' <"$requirements")" >&2
        rm -rf "$environment"
        python3 -m venv "$environment"
        $python -m pip install --quiet --disable-pip-version-check -r "$requirements" >&2
        cp "$requirements" "$environment/requirements.txt"
    fi
    exec 9>&-
fi
exec "$python" "$@"
