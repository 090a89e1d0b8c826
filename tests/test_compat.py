"""What current torch, numpy and packaging break, mended in real broken surroundings."""

from __future__ import annotations

from pathlib import Path

import pytest

import hrnet_mm_standins
from hrnet_mm import compat

WHICH_XTCOCOTOOLS = """
import hrnet_mm
import xtcocotools
from mmpose.evaluation.metrics.coco_metric import COCO, COCOeval
print(xtcocotools.__file__, COCO.__module__, COCOeval.__module__)
"""
NUMPY_1 = (
    "raise ValueError('numpy.dtype size changed, may indicate binary '\n"
    "                 'incompatibility. Expected 96 from C header, got 88')"
)


@pytest.mark.parametrize(
    ('compiled', 'replaced'),
    [
        (NUMPY_1, True),
        ("raise ImportError('undefined symbol: PyUnicode_GET_SIZE')", True),
        ('', False),
    ],
    ids=['for numpy 1', 'for another Python', 'works'],
)
def test_an_installed_xtcocotools_is_replaced_if_broken(
    tmp_path, run_python, compiled, replaced
):
    pytest.importorskip('mmpose')
    installed = tmp_path / 'xtcocotools'
    installed.mkdir()
    for name, code in {
        '__init__': '',
        '_mask': compiled,
        'mask': 'from . import _mask',
        'coco': 'from . import mask\nclass COCO: pass',
        'cocoeval': 'from . import mask\nclass COCOeval: pass',
    }.items():
        (installed / f'{name}.py').write_text(code)
    done = run_python(
        '-c', f'import sys; sys.path.insert(0, {str(tmp_path)!r}){WHICH_XTCOCOTOOLS}'
    )
    assert done.returncode == 0, done.stderr
    file, *modules = done.stdout.split()
    folder = Path(hrnet_mm_standins.ROOT) / 'xtcocotools' if replaced else installed
    assert Path(file).parent == folder
    assert modules == ['xtcocotools.coco', 'xtcocotools.cocoeval']


def test_a_later_python_gets_find_loader_back(monkeypatch):
    import pkgutil

    monkeypatch.delattr(pkgutil, 'find_loader')
    compat.restore_find_loader()
    assert pkgutil.find_loader('json') is not None
    assert pkgutil.find_loader('no_such_module') is None


def test_a_mend_that_fails_is_said_and_does_not_stop_the_others(monkeypatch):
    def fail():
        raise RuntimeError('no luck')

    fail.__name__ = 'restore_find_loader'
    later = []
    monkeypatch.setattr(compat, 'restore_find_loader', fail)
    monkeypatch.setattr(compat, 'launch_without_gpus', lambda: later.append(1))
    with pytest.warns(UserWarning, match='restore_find_loader failed: no luck'):
        compat.apply()
    assert later


def test_an_unknown_choice_of_operators_is_said(monkeypatch):
    monkeypatch.setenv('HRNET_MM_OPS', 'cuda')
    with pytest.warns(UserWarning, match='HRNET_MM_OPS=cuda is ignored: use'):
        compat.find_stand_ins()


def test_applying_twice_changes_nothing_more():
    from mmengine.runner.checkpoint import CheckpointLoader

    before = dict(CheckpointLoader._schemes)
    compat.apply()
    assert dict(CheckpointLoader._schemes) == before


def test_joints_are_drawn_with_numpy_2_4():
    import numpy as np

    pytest.importorskip('mmpose')
    from mmpose.visualization import PoseLocalVisualizer

    import hrnet_mm.pose  # noqa: F401

    visualizer = PoseLocalVisualizer(backend='opencv')
    visualizer.set_image(np.zeros((32, 32, 3), np.uint8))
    visualizer.draw_circles(np.array([16, 16]), np.array([4]), face_colors=(255, 0, 0))
    assert visualizer.get_image()[16, 16, 0] > 100
