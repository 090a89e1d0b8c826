"""What current torch, numpy and packaging break, mended in real broken surroundings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hrnet_mm import compat

COCO_SCORES = """
import json, sys
import hrnet_mm
from xtcocotools.coco import COCO
from xtcocotools.cocoeval import COCOeval
import numpy as np
truth = COCO('truth.json')
found = truth.loadRes('found.json')
sigmas = np.full(3, 0.05)
scores = {}
for use_area in (True, False):
    e = COCOeval(truth, found, 'keypoints', sigmas, use_area)
    e.evaluate(); e.accumulate(); e.summarize()
    scores[use_area] = e.stats.tolist()
json.dump([COCOeval.__mro__[-2].__module__, scores], open('scores.json', 'w'))
"""


def write_coco(folder: Path) -> None:
    """Two people with three joints, found with errors of a pixel or so."""
    people = [
        dict(
            id=i, image_id=1, category_id=1, iscrowd=0, num_keypoints=3,
            bbox=[10 * i, 10, 60, 90], area=2000.0 * i,
            keypoints=[20 * i, 20, 2, 30 * i, 40, 2, 25 * i, 80, 1],
        )
        for i in (1, 2)
    ]  # fmt: skip
    found = [
        dict(
            image_id=1, category_id=1, score=0.9,
            keypoints=[v + 2.5 * (j % 3 == 0) for j, v in enumerate(p['keypoints'])],
        )
        for p in people
    ]  # fmt: skip
    truth = dict(
        info={}, images=[dict(id=1, width=200, height=200, file_name='1.jpg')],
        annotations=people, categories=[dict(id=1, name='person')],
    )  # fmt: skip
    (folder / 'truth.json').write_text(json.dumps(truth))
    (folder / 'found.json').write_text(json.dumps(found))


def test_pycocotools_scores_like_xtcocotools_where_that_is_broken(tmp_path, run_python):
    pytest.importorskip('xtcocotools')
    write_coco(tmp_path)
    broken = tmp_path / 'broken' / 'xtcocotools'
    broken.mkdir(parents=True)
    (broken / '__init__.py').touch()
    (broken / '_mask.py').write_text(
        "raise ValueError('numpy.dtype size changed, may indicate binary '\n"
        "                 'incompatibility. Expected 96 from C header, got 88')"
    )
    results = []
    for shadow in ('', f'sys.path.insert(0, {str(broken.parent)!r});'):
        done = run_python('-c', f'import sys; {shadow}{COCO_SCORES}', cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        results.append(json.loads((tmp_path / 'scores.json').read_text()))
    (theirs, expected), (ours, got) = results
    assert (theirs, ours) == ('xtcocotools.cocoeval', 'pycocotools.cocoeval')
    for use_area in ('true', 'false'):
        assert got[use_area] == pytest.approx(expected[use_area])
    assert 0 < got['true'][0] < 1


def test_pose_imports_and_runs_without_compiled_operators(tmp_path, run_python):
    """With mmcv as mmcv-lite ships it: all of it but the compiled module."""
    mmcv = pytest.importorskip('mmcv')
    pytest.importorskip('mmpose')
    lite = tmp_path / 'mmcv'
    lite.mkdir()
    for item in Path(mmcv.__file__).parent.iterdir():
        if not item.name.startswith('_ext'):
            (lite / item.name).symlink_to(item)
    script = (
        f'import sys; sys.path.insert(0, {str(tmp_path)!r})\n'
        'import hrnet_mm, mmcv, mmpose.models, torch\n'
        'assert mmcv.__file__.startswith(sys.path[0])\n'
        'from mmcv.ops import nms\n'
        'try:\n'
        '    nms(torch.rand(2, 4), torch.rand(2), 0.5)\n'
        'except RuntimeError as error:\n'
        '    print(error)\n'
    )
    done = run_python('-c', script)
    assert 'mmcv.ops.nms needs the compiled mmcv' in done.stdout, done.stderr
    assert 'hrnet-mm doctor' in done.stdout


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
    monkeypatch.setattr(compat, 'stand_in_for_mmcv_ops', lambda: later.append(1))
    with pytest.warns(UserWarning, match='restore_find_loader failed: no luck'):
        compat.apply()
    assert later


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
