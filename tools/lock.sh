#!/usr/bin/env bash
# Resolves the dependency groups of pyproject.toml into requirements/*.txt: `make lock`.
# The files name versions and no index, so that every machine takes its own.
set -euo pipefail
UV=$1

lock() {
    MMCV_WITH_OPS=0 "$UV" pip compile --quiet --upgrade --no-header --no-annotate \
        --group "$1" --output-file "requirements/$1.txt" "${@:2}"
}

# for those who work on hrnet_mm: with what it needs itself, on any Python and system
lock dev pyproject.toml --universal --python-version 3.10
# for `make docs`
lock docs --universal --python-version 3.10
# the lanes: without
lock oldest --python-version 3.10 --python-platform x86_64-manylinux_2_28
lock forks --python-version 3.11 --python-platform x86_64-manylinux_2_28
lock compiled --python-version 3.11 --python-platform x86_64-manylinux_2_28
