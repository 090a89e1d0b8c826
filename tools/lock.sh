#!/usr/bin/env bash
# Resolves the dependency groups of pyproject.toml into requirements/*.txt: `make lock`.
# The files name versions and no index, so that every machine takes its own.
set -euo pipefail
UV=$1

lock() {
    "$UV" pip compile pyproject.toml --quiet --upgrade --no-header --no-annotate \
        --group "$1" --output-file "requirements/$1.txt" "${@:2}"
}

lock dev --universal --python-version 3.10
lock oldest --python-version 3.10 --python-platform x86_64-manylinux_2_28
