"""Existing configs run on this HRNet by one added line, and compute the same.

In processes of their own: the drop-in is for good.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from hrnet_mm.checkpoints import read

HERE = Path(__file__).parent
CONFIGS = {'mmpose': 87, 'mmseg': 45 + 21, 'mmdet': 29, 'mmpretrain': 7}


def folder_of(library: str) -> Path:
    spec = importlib.util.find_spec(library)
    if spec is None:
        pytest.skip(f'{library} is not installed')
    return Path(spec.origin).parent


def results(done) -> dict:
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.jobs
@pytest.mark.parametrize('library', CONFIGS)
def test_every_config_builds_with_the_same_state_dict(library, tmp_path, run_python):
    """And every checkpoint of it is recognised."""
    folder_of(library)
    found = results(run_python(str(HERE / 'sweep.py'), library, str(tmp_path)))
    assert len(found) == CONFIGS[library]
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.slow
@pytest.mark.parametrize('library', CONFIGS)
def test_outputs_and_a_training_step_are_equal(library, few_people, root, run_python):
    """To 1e-5; of odd sizes, too, where upstream takes them."""
    folder_of(library)
    path = f'{root}:{root / "tests"}'
    script = str(HERE / 'equality.py')
    done = run_python(script, library, str(few_people), PYTHONPATH=path)
    found = results(done)
    assert found
    assert {name: what for name, what in found.items() if what} == {}


ORDERS = [
    'import hrnet_mm.dropin',
    'import hrnet_mm.dropin, {library}.models',
    'import {library}.apis, hrnet_mm.dropin',
    'from {library}.registry import MODELS\n'
    'MODELS.get("HRNet")\n'
    'import hrnet_mm.dropin',
]


STOCK = 'body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w32_8xb64-210e_coco-256x192'
JOB = """
_base_ = ['{stock}']
custom_imports = dict(imports=['hrnet_mm.dropin'], allow_failed_imports=False)
model = dict(backbone=dict(init_cfg=None))
data = dict(
    data_root='{root}/', ann_file='annotations/val.json', indices=4,
    data_prefix=dict(img='images/val/'))
loading = dict(batch_size=4, num_workers=0, persistent_workers=False)
train_dataloader = dict(dataset=data, **loading)
val_dataloader = dict(dataset=dict(bbox_file=None, **data), **loading)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file='{root}/annotations/val.json')
test_evaluator = val_evaluator
train_cfg = dict(max_epochs=1, val_interval=1)
"""


@pytest.mark.slow
def test_a_stock_config_trains_by_mim(few_people, tmp_path, mim):
    stock = folder_of('mmpose') / '.mim/configs' / f'{STOCK}.py'
    config, work_dir = tmp_path / 'config.py', tmp_path / 'work'
    config.write_text(JOB.format(stock=stock, root=few_people))
    done = mim('train', 'mmpose', config, '--work-dir', work_dir)
    assert done.returncode == 0, done.stderr[-3000:]
    checkpoint = work_dir / 'epoch_1.pth'
    assert read(checkpoint).trunk.arch == 'w32'
    assert 'coco/AP' in done.stdout


@pytest.mark.parametrize(
    ('library', 'imports'),
    [
        ('mmpose', ORDERS[0]),
        *(pytest.param('mmpose', o, marks=pytest.mark.jobs) for o in ORDERS[1:]),
        pytest.param('mmpretrain', ORDERS[0], marks=pytest.mark.jobs),
    ],
)
def test_any_order_of_imports(library, imports, run_python):
    folder_of(library)
    code = (
        f'import hrnet_mm\n{imports.format(library=library)}\n'
        'from mmengine.registry import MODELS as ROOT\n'
        f'print(ROOT.get("{library}.HRNet").__module__)'
    )
    done = run_python('-c', code)
    assert done.stdout.split()[-1] == f'hrnet_mm.dropin.{library}', done.stderr[-2000:]


DEPLOYED = """
import torch
from hrnet_mm.dropin.{library} import HRNet
from hrnet_mm.models.arch import ARCHS, as_extra
trunk = HRNet(extra=as_extra(ARCHS['w18_small_v1']), deploy_cfg=dict()).eval()
x = torch.rand(2, 3, 70, 90)
with torch.no_grad():
    got = trunk(x)
    assert trunk.deployed.find(x) is not None
    trunk.deployed = None
    wanted = trunk(x)
print(max((y - z).abs().max() / z.abs().max() for y, z in zip(got, wanted)).item())
"""


@pytest.mark.parametrize(
    'library', ['mmseg', *(pytest.param(it, marks=pytest.mark.jobs) for it in CONFIGS)]
)
def test_inference_by_the_deployed_copy_is_an_argument(library, run_python):
    """mmseg resizes streams of odd sizes twice."""
    folder_of(library)
    done = run_python('-c', DEPLOYED.format(library=library))
    assert float(done.stdout.split()[-1]) < 1e-4, done.stderr[-2000:]


@pytest.mark.jobs
def test_a_broken_library_breaks_no_other(run_python):
    folder_of('mmseg')
    code = (
        'import sys\n'
        'for name in ("mmpose", "mmdet", "mmpretrain"): sys.modules[name] = None\n'
        'import hrnet_mm.dropin\n'
        'from mmengine.registry import MODELS as ROOT\n'
        'print(ROOT.get("mmseg.HRNet").__module__)'
    )
    done = run_python('-c', code)
    assert done.stdout.split()[-1] == 'hrnet_mm.dropin.mmseg', done.stderr[-2000:]


@pytest.mark.jobs
def test_mmseg_s_own_tests_pass(tmp_path, root, run_python):
    """Those that come with it, in a copy of the folders they expect."""
    library = folder_of('mmseg')
    theirs = library.parent / 'tests/test_models'
    if not theirs.is_dir():
        pytest.skip('this mmsegmentation comes without its tests')
    shutil.copytree(theirs, tmp_path / 'tests/test_models')
    (tmp_path / 'configs').symlink_to(library / '.mim/configs')
    files = [
        'test_backbones/test_hrnet.py',
        'test_heads/test_ocr_head.py',
        'test_forward.py::test_hrnet_forward',
        'test_forward.py::test_ocrnet_forward',
    ]
    options = ('-c', '/dev/null', '-p', 'upstream', '-q', '--rootdir', str(tmp_path))
    done = run_python(
        *('-m', 'pytest', *options, *(f'tests/test_models/{file}' for file in files)),
        cwd=tmp_path,
        PYTHONPATH=f'{root}:{HERE}',
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert '6 passed' in done.stdout


WHOLE = """
import io, sys, torch
import hrnet_mm.dropin
from mmengine.registry import MODELS as ROOT
stage = lambda m, b: dict(num_modules=m, num_branches=b, block='BASIC',
                          num_blocks=(1,) * b, num_channels=(8, 16, 32, 64)[:b])
extra = dict(stage1=dict(stage(1, 1), block='BOTTLENECK'), stage2=stage(1, 2),
             stage3=stage(1, 3), stage4=stage(1, 4))
trunk = ROOT.build(dict(type=f'{sys.argv[1]}.HRNet', extra=extra))
file = io.BytesIO()
torch.save(trunk, file)
file.seek(0)
again = torch.load(file, weights_only=False)
x = torch.rand(2, 3, 50, 70)
for a, b in zip(trunk.eval()(x), again.eval()(x)):
    assert torch.equal(a, b)
trunk.train()(x)
print('trained')
"""


@pytest.mark.jobs
@pytest.mark.parametrize('library', CONFIGS)
def test_a_whole_trunk_is_saved(library, run_python):
    folder_of(library)
    done = run_python('-c', WHOLE, library)
    if library == 'mmdet':  # it freezes its norms, which have no weights here
        assert 'would be NaN or noise' in done.stderr
        assert 'norm_eval=False' in done.stderr
    else:
        assert 'trained' in done.stdout, done.stderr[-2000:]


@pytest.mark.jobs
def test_what_mmdet_ignores_is_refused(run_python):
    folder_of('mmdet')
    code = (
        'import hrnet_mm.dropin\n'
        'from mmengine.registry import MODELS as ROOT\n'
        'cfg = dict(type="mmdet.HRFPN", in_channels=[18, 36], out_channels=8)\n'
        'ROOT.build(dict(cfg, norm_cfg=dict(type="BN")))'
    )
    done = run_python('-c', code)
    assert 'hrnet_mm.HRNetV2p takes a norm_cfg' in done.stderr
