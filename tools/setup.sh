#!/usr/bin/env bash
# Makes the environment in $VENV from requirements/dev.txt, with uv. Called by `make setup`.
set -euo pipefail

PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}
UV_VERSION=0.13.9

fail() { printf '\n%s\n' "$@" >&2; exit 1; }

command -v "$PYTHON" >/dev/null || fail \
    "There is no $PYTHON. Install Python 3.10, 3.11, 3.12 or 3.13, or name one:" \
    '    make setup PYTHON=python3.12'
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || fail \
    "$PYTHON is $("$PYTHON" --version 2>&1); hrnet_mm needs Python 3.10 or newer. Name one:" \
    '    make setup PYTHON=python3.12'

if [ -x "$VENV/bin/python" ]; then
    version='import sys; print("%d.%d" % sys.version_info[:2])'
    there=$("$VENV/bin/python" -c "$version") wanted=$("$PYTHON" -c "$version")
    [ "$there" = "$wanted" ] || fail \
        "$VENV is of Python $there, and $PYTHON is $wanted. Remove it or make another:" \
        "    make clean" "    make setup PYTHON=$PYTHON VENV=.venv$wanted"
fi
[ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV" || fail \
    "$PYTHON cannot make a virtual environment. On Debian: sudo apt-get install python3-venv"
"$VENV/bin/uv" --version 2>/dev/null | grep -q " $UV_VERSION" ||
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION"

echo "Setting up $VENV: about 3 GB of wheels to download, once; nothing is compiled."
# Where PYTHONDONTWRITEBYTECODE is set, as in many containers, each process would compile
# torch anew and take twice as long to start.
COMPILE=${PYTHONDONTWRITEBYTECODE:+--compile-bytecode}
install() { "$VENV/bin/uv" pip install --python "$VENV/bin/python" --no-deps "$@"; }
{ install --no-build $COMPILE --requirement requirements/dev.txt && install --editable .; } ||
    fail 'Setting up failed. Run it again after mending the cause; what is done is kept.'

touch "$VENV/.ready"
echo "Ready. \`source $VENV/bin/activate\` puts mim and hrnet-mm on your path."
