#!/bin/sh
# python.sh SCRIPT…: runs a Python script with PyTorch. Makes build/venv the first time (PyTorch is large: it takes minutes);
# ZOETROPE_PYTHON names another Python that has what tests/parity/requirements.txt lists.
set -eu

python=${ZOETROPE_PYTHON-}
if [ -z "$python" ]; then
    python=build/venv/bin/python
    mkdir -p build
    exec 9>build/venv.lock
    flock 9
    if ! cmp -s tests/parity/requirements.txt build/venv/requirements.txt; then
        echo "Making build/venv with $(tr '\n' ' ' <tests/parity/requirements.txt)" >&2
        rm -rf build/venv
        python3 -m venv build/venv
        $python -m pip install --quiet --disable-pip-version-check -r tests/parity/requirements.txt >&2
        cp tests/parity/requirements.txt build/venv/
    fi
    exec 9>&-
fi
exec "$python" "$@"
