"""`type='hrnet_mm.X'` resolves from every library, in a fresh process, by itself."""

import pytest

BUILD = """
import importlib
from mmengine.registry import init_default_scope
models = importlib.import_module('{library}.registry').MODELS
init_default_scope('{library}')
import sys
assert 'hrnet_mm' not in sys.modules
trunk = models.build(dict(type='hrnet_mm.HRNet', arch='w18_small_v1'))
necks = [models.build(dict(type='hrnet_mm.' + n)) for n in ('HRNetV1', 'HRNetV2')]
stock = models.get('HRNet')
print(type(trunk).__module__, *[type(n).__name__ for n in necks], stock.__module__)
"""


@pytest.mark.jobs
@pytest.mark.lane
@pytest.mark.parametrize('library', ['mmpose', 'mmseg', 'mmdet', 'mmpretrain'])
def test_names_resolve_and_the_library_s_own_is_left_alone(library, run_python):
    pytest.importorskip(library)
    done = run_python('-c', BUILD.format(library=library))
    ours = ['hrnet_mm.models.hrnet', 'HRNetV1', 'HRNetV2']
    theirs = [f'{library}.models.backbones.hrnet']
    assert done.stdout.split() == ours + theirs, done.stderr


def test_the_models_need_no_task_library(run_python):
    block = (
        'import sys\n'
        "for name in ('mmpose', 'mmseg', 'mmdet', 'mmpretrain', 'xtcocotools'):\n"
        '    sys.modules[name] = None\n'
        'import hrnet_mm, torch\n'
        "print(len(hrnet_mm.HRNet('w18_small_v1')(torch.rand(2, 3, 64, 64))))"
    )
    done = run_python('-c', block)
    assert done.stdout.split() == ['4'], done.stderr


@pytest.mark.jobs
@pytest.mark.lane
def test_mmpose_can_be_imported_before_hrnet_mm(run_python):
    """Its own scripts do that; it needs xtcocotools, or what stands in for it."""
    pytest.importorskip('mmpose')
    done = run_python(
        '-c',
        'import mmpose.datasets, mmpose.evaluation, xtcocotools\n'
        'from xtcocotools.coco import COCO\n'
        'import hrnet_mm.pose\n'
        'import xtcocotools.coco\n'
        'print(xtcocotools.coco.COCO is COCO)',
    )
    assert done.stdout.splitlines()[-1:] == ['True'], done.stderr


def test_a_broken_environment_is_named_at_first_use(run_python):
    done = run_python(
        '-c',
        'import sys\n'
        "sys.modules['mmcv'] = None\n"
        'import hrnet_mm, hrnet_mm.doctor\n'
        'hrnet_mm.HRNet',
    )
    last = done.stderr.strip().splitlines()[-2:]
    assert 'mmcv' in last[0]
    assert 'hrnet-mm doctor' in last[1]
