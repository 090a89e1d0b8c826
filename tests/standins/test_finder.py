"""Stand-ins are found before hrnet_mm is imported, and only where they are needed."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def run_with(run_python, root, monkeypatch):
    """Run code as in an environment that hrnet_mm is installed in."""
    monkeypatch.delenv('HRNET_MM_OPS', raising=False)

    def run(code: str, *path: Path, **environment: str) -> str:
        code = f'import hrnet_mm_standins, sys\n{code}'
        places = ':'.join(map(str, [*path, root]))
        done = run_python('-c', code, PYTHONPATH=places, **environment)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout.strip()

    return run


@pytest.fixture
def compiled_mmcv(tmp_path) -> Path:
    """A folder with an mmcv that has operators of its own."""
    package = tmp_path / 'mmcv'
    package.mkdir()
    (package / '__init__.py').write_text('')
    (package / '_ext.py').write_text('')
    return tmp_path


def test_operators_are_there_without_hrnet_mm(run_with):
    """`mim test mmdet` imports mmcv.ops before it reads the config."""
    code = (
        'import torch\nfrom mmcv.ops import nms\n'
        'print(len(nms(torch.zeros(1, 4), torch.ones(1), 0.5)[1]),'
        " 'hrnet_mm' in sys.modules)"
    )
    assert run_with(code, HRNET_MM_OPS='torchvision') == '1 False'


def test_mmcv_knows_that_it_has_operators(run_with):
    code = "from mmcv.utils import collect_env\nprint(collect_env()['MMCV Compiler'])"
    said = run_with(code, HRNET_MM_OPS='torchvision')
    assert said.startswith('none: hrnet_mm on torchvision')


def test_compiled_operators_stay_in_use_unless_ours_are_asked_for(
    run_with, compiled_mmcv
):
    code = 'import mmcv._ext; print(mmcv._ext.__file__)'
    theirs = str(compiled_mmcv / 'mmcv/_ext.py')
    assert run_with(code, compiled_mmcv) == theirs
    ours = run_with(code, compiled_mmcv, HRNET_MM_OPS='torchvision')
    assert ours.endswith('standins/mmcv_ext/__init__.py')


def test_an_installed_xtcocotools_stays_in_use(run_with, tmp_path):
    (tmp_path / 'xtcocotools').mkdir()
    (tmp_path / 'xtcocotools/__init__.py').write_text('')
    code = 'import xtcocotools; print(xtcocotools.__file__)'
    assert run_with(code, tmp_path) == str(tmp_path / 'xtcocotools/__init__.py')


def test_importing_hrnet_mm_does_not_import_the_operators(run_with):
    code = (
        'import hrnet_mm\n'
        "print(*(m for m in ('torchvision', 'mmcv._ext', 'faster_coco_eval')"
        ' if m in sys.modules))'
    )
    assert run_with(code) == ''


def test_finding_stand_ins_imports_next_to_nothing(run_python, root):
    code = (
        'import sys; before = set(sys.modules)\n'
        'import hrnet_mm_standins\n'
        'print(*(set(sys.modules) - before))'
    )
    done = run_python('-I', '-c', f'import sys; sys.path.append({str(root)!r})\n{code}')
    assert done.stdout.split() in ([], ['hrnet_mm_standins'])
