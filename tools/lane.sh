#!/usr/bin/env bash
# Tests the wheel in an environment that users have: `make lane LANE=oldest`. With
# `tools/lane.sh oldest environment` only the environment is made.
#
#   oldest      Python 3.10, torch 2.1.2, numpy 1.26, mmcv-lite 2.1
#   newest      Python 3.13 and requirements/dev.txt
#   forks       the maintained onedl-* packages, Python 3.11
#   compiled    mmcv with compiled operators, Python 3.11; takes half an hour to build
#
# The environment is made first, without hrnet_mm. Then the wheel is installed as a user
# would, and nothing that was there may change. The tests run in a copy without sources,
# so that they import the installed package.
set -euo pipefail
cd "$(dirname "$0")/.."

LANE=${1:-}
case $LANE in
    oldest) VERSION=3.10 REQUIREMENTS=oldest ;;
    newest) VERSION=3.13 REQUIREMENTS=dev ;;
    forks) VERSION=3.11 REQUIREMENTS=forks ;;
    compiled) VERSION=3.11 REQUIREMENTS=compiled ;;
    *) echo 'make lane LANE=oldest|newest|forks|compiled' >&2; exit 2 ;;
esac
UV=${VENV:-.venv}/bin/uv
FOLDER=.lanes/$LANE
PYTHON=$FOLDER/venv/bin/python

# A Python of that version: on the path, of pyenv, or one that uv downloads.
find_python() {
    local candidate
    for candidate in "python$VERSION" "$(pyenv root 2>/dev/null)/versions/$VERSION".*/bin/python; do
        "$candidate" -c 'import venv' 2>/dev/null && { echo "$candidate"; return; }
    done
    "$UV" python find --quiet "$VERSION" 2>/dev/null ||
        { "$UV" python install --quiet "$VERSION" 2>/dev/null && "$UV" python find "$VERSION"; }
}

# The environment as it was before hrnet_mm, made anew when its requirements change.
if ! cmp -s "requirements/$REQUIREMENTS.txt" "$FOLDER/requirements.txt"; then
    found=$(find_python) || {
        echo "skipped: lane $LANE needs Python $VERSION, and this machine has none"
        exit 0
    }
    rm -rf "$FOLDER"
    mkdir -p "$FOLDER"
    "$found" -m venv "$FOLDER/venv"
    # onedl-mmcv has no wheels; without operators it builds in seconds
    MMCV_WITH_OPS=0 "$UV" pip install --quiet --python "$PYTHON" --no-deps \
        --compile-bytecode --requirement "requirements/$REQUIREMENTS.txt"
    [ "$LANE" != compiled ] || MMCV_WITH_OPS=1 FORCE_CUDA=0 "$UV" pip install \
        --python "$PYTHON" --no-build-isolation --no-deps --no-binary mmcv mmcv==2.1.0
    cp "requirements/$REQUIREMENTS.txt" "$FOLDER/requirements.txt"
fi
[ "${2:-}" != environment ] || exit 0

rm -rf "$FOLDER/dist" "$FOLDER/copy"
"$UV" pip uninstall --quiet --python "$PYTHON" hrnet_mm 2>/dev/null || true
"$UV" pip freeze --python "$PYTHON" >"$FOLDER/before.txt"
"$UV" build --quiet --wheel --out-dir "$FOLDER/dist" .
"$UV" pip install --quiet --python "$PYTHON" "$FOLDER"/dist/*.whl
"$UV" pip freeze --python "$PYTHON" >"$FOLDER/after.txt"
if grep -vxFf "$FOLDER/after.txt" "$FOLDER/before.txt"; then
    echo "installing hrnet_mm changed these packages of lane $LANE" >&2
    exit 1
fi

mkdir -p "$FOLDER/copy"
cp -R tests configs pyproject.toml "$FOLDER/copy"
if [ -d ../shared ]; then ln -sfn "$(cd .. && pwd)/shared" "$FOLDER/shared"; fi
cd "$FOLDER/copy"
export OMP_NUM_THREADS=1
TESTS=(tests/test_registry.py tests/standins tests/engine/test_hooks.py
    tests/{pose,seg,det,cls}/test_training.py)
# newest has the packages of requirements/dev.txt, with which `make test` runs these
[ "$LANE" = newest ] || TESTS+=(tests/parity tests/checkpoints
    tests/models/test_training_graph.py tests/models/test_precision.py)
../venv/bin/pytest -n auto --dist worksteal "${TESTS[@]}" \
    -m 'lane or not (jobs or slow or sweep)'

# the same with ours in the place of the compiled operators, and both side by side
if [ "$LANE" = compiled ]; then
    HRNET_MM_OPS=torchvision ../venv/bin/pytest -n auto --dist worksteal tests/standins
    cases=../../../../shared/data/ops/cases.py
    [ ! -f "$cases" ] || ../venv/bin/python ../../../tools/compare_operators.py results "$cases"
fi
