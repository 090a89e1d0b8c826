#!/usr/bin/env bash
# Makes the environment in $VENV from pyproject.toml, with uv. Called by `make setup`.
set -euo pipefail

PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}
UV_VERSION=0.13.9
LOG=$VENV/setup.log

fail() { printf '\n%s\n' "$@" >&2; exit 1; }

command -v "$PYTHON" >/dev/null || fail \
    "There is no $PYTHON. Install Python 3.10, 3.11 or 3.12, or name one:" \
    '    make setup PYTHON=python3.12'
"$PYTHON" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' || fail \
    "$PYTHON is $("$PYTHON" --version 2>&1); OpenMMLab runs on Python 3.10, 3.11 and 3.12." \
    'Name one of those:    make setup PYTHON=python3.12'
"$PYTHON" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(sysconfig.get_paths()["include"] + "/Python.h"))' || fail \
    "$PYTHON has no headers (Python.h), and mmcv's operators must be compiled. Install them:" \
    '    Debian, Ubuntu    sudo apt-get install python3-dev' \
    '    Fedora            sudo dnf install python3-devel'
command -v "${CXX:-c++}" >/dev/null || fail \
    "There is no C++ compiler (${CXX:-c++}), and mmcv's operators must be compiled. Install one:" \
    '    Debian, Ubuntu    sudo apt-get install g++' \
    '    Fedora            sudo dnf install gcc-c++' \
    '    macOS             xcode-select --install' \
    '    no root           conda install -c conda-forge cxx-compiler'

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

echo "Setting up $VENV: about 5 GB of wheels, and mmcv's operators to compile once"
echo '(10 to 20 minutes on two cores; kept in the cache of uv for the next time).'

# One compiler per core, but each takes up to 2 GB of memory.
cores=$(getconf _NPROCESSORS_ONLN)
gigabytes=$(($(getconf _PHYS_PAGES) * $(getconf PAGE_SIZE) >> 30))
export MAX_JOBS=${MAX_JOBS:-$((gigabytes / 2 < cores ? gigabytes / 2 + 1 : cores))}
export UV_PROJECT_ENVIRONMENT=$VENV

# Shows of uv's log what a person wants to see: packages, and how far the compiler is.
progress() {
    awk '
        { print > log_file; fflush(log_file) }
        match($0, /\[[0-9]+\/[0-9]+\] (c\+\+|g\+\+|clang)/) {
            split(substr($0, RSTART + 1, RLENGTH), part, /[\/\]]/)
            if (part[1] % 5 == 0) { printf "  compiling mmcv: %d of %d files\n", part[1], part[2]; fflush() }
        }
        /^ *(Building|Built) / || /^ *Downloading .*([0-9][0-9][0-9]\.?[0-9]*M|G)iB\)/ {
            sub(/^ */, ""); print "  " $0; fflush()
        }
        /^(Resolved|Prepared|Installed|Uninstalled|Audited|Checked) / { print "  " $0; fflush() }
        /^ *(error|  ×|×|  ╰|  help)/ { print; fflush() }
    ' log_file="$LOG"
}

# Bytecode: or each process compiles torch anew where PYTHONDONTWRITEBYTECODE is set, as
# in many containers, and takes twice as long to start.
"$VENV/bin/uv" sync --inexact --compile-bytecode --python "$VENV/bin/python" --verbose --color never 2>&1 | progress ||
    fail "Setting up failed. The last lines of $LOG:" "$(tail -n 20 "$LOG")" '' \
        'Run it again after mending that; what is done is kept.'

touch "$VENV/.ready"
echo "Ready. \`source $VENV/bin/activate\` puts mim and hrnet-mm on your path."
