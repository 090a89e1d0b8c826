"""The table of the four libraries, and the other places that its facts stand in."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from hrnet_mm.libraries import LIBRARIES, MMCV, MMENGINE, OPENMIM, library_of

TESTED = {library.distribution: library.version for library in LIBRARIES.values()}
TESTED |= {'mmengine': MMENGINE, 'mmcv': MMCV, 'mmcv-lite': MMCV, 'openmim': OPENMIM}


def pins(text: str) -> dict[str, set[str]]:
    """The versions that a text pins each tested distribution to."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r'(?<![\w-])([\w-]+)==([\d.]*\d)', text):
        if name in TESTED:
            found.setdefault(name, set()).add(version)
    return found


@pytest.mark.parametrize(
    'path',
    ['pyproject.toml', 'docs/install.md', 'tools/lane.sh', 'requirements/dev.txt'],
)
def test_every_pin_is_of_the_tested_version(root, path):
    found = pins((root / path).read_text())
    assert found == {name: {TESTED[name]} for name in found}
    if path == 'pyproject.toml':
        assert found.keys() == TESTED.keys() - {'mmcv'}  # compiled: tools/lane.sh
    assert found


def test_each_has_a_package_of_ours_and_an_extra(root):
    extras = dict(
        re.findall(r'^(\w+) = \[(.*)\]$', (root / 'pyproject.toml').read_text(), re.M)
    )
    for scope, library in LIBRARIES.items():
        assert scope == library.scope
        assert (root / 'hrnet_mm' / library.folder / 'inferencer.py').is_file()
        assert (root / 'hrnet_mm' / library.folder / 'visualization.py').is_file()
        # mmpose goes in without its requirements, so in no extra
        named = f'"{library.distribution}"' in extras[library.folder]
        assert named == (scope != 'mmpose')


def test_it_is_read_where_nothing_is_installed(root):
    code = (
        'import runpy, sys; print(*runpy.run_path(sys.argv[1])["LIBRARIES"]); '
        'sys.exit("numpy" in sys.modules)'
    )
    command = [sys.executable, '-S', '-I', '-c', code]
    path = str(root / 'hrnet_mm/libraries.py')
    done = subprocess.run([*command, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == list(LIBRARIES)


def test_a_scope_of_another_library_is_refused():
    assert library_of('mmseg').distribution == 'mmsegmentation'
    with pytest.raises(ValueError, match=r"default_scope='mmocr': expected mmpose,"):
        library_of('mmocr')
