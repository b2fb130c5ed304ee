#!/bin/sh
# Makes .venv with the pinned versions and Hven itself; needs only a Python of 3.11 or newer.
set -eu
cd "$(dirname "$0")/.."

python=""
for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$name
        break
    fi
done
if [ -z "$python" ]; then
    echo "Hven needs Python 3.11 or newer; found: $(python3 --version 2>&1 || echo none)." >&2
    echo "Install one and name it: make PYTHON=/path/to/python3.12 test" >&2
    exit 1
fi

# Debian keeps the part of Python that makes virtual environments in a package of its own.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    version=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    echo "Python's venv module is missing; installing the package $version"
    if [ "$(id -u)" = 0 ]; then
        apt-get update -q && apt-get install -y -q "$version"
    else
        sudo apt-get update -q && sudo apt-get install -y -q "$version"
    fi
fi

echo "Setting up .venv with $("$python" --version)"
"$python" -m venv --clear .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
echo "Compiling the kernels, once"
.venv/bin/python -c "from hven.kernels import loading; loading.load_mosaic_kernels()" &
.venv/bin/python -c "from hven.kernels import loading; loading.load_percolation_kernels()"
wait $!
touch .venv/ready
