"""The stock runner trains, resumes and tests Panoptic-DeepLab."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip('mmdet')

from jobs import QUICK_NORMS, Job, check_resume, predict, show

ROOT = Path(__file__).resolve().parents[2]
TINY = 'det/panoptic-{}_w18_small_v1_tiny-panoptic.py'


CITY = """
small = dict(in_channels=[16, 32, 64, 128], pool_size=None, dropout=0.0)
model = dict(
    backbone=dict(arch='w18_small_v1', init_cfg=dict(
        _delete_=True, type='Kaiming', layer='Conv2d')),
    semantic_head=small, instance_head=small, test_cfg=dict(stuff_area=32, kernel=3))
data = dict(
    ann_file='gtFine/cityscapes_panoptic_val.json',
    data_prefix=dict(img='leftImg8bit/val/', seg='gtFine/cityscapes_panoptic_val/'))
steps = [
    _base_.read, dict(type='hrnet_mm.LoadSegments'),
    dict(type='Resize', scale_factor={scale}),
    dict(type='hrnet_mm.PackPanopticTargets', sigma={sigma}, small_area=64)]
loaded = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(
    loaded, batch_size=1, drop_last=False, dataset=dict(data, pipeline=steps))
test_pipeline = [
    dict(step, scale_factor={scale}) if step['type'] == 'Resize' else step
    for step in _base_.test_pipeline]
val_dataloader = test_dataloader = dict(loaded, dataset=dict(pipeline=test_pipeline))
optim_wrapper = dict(optimizer=dict(lr={rate}), clip_grad=dict(max_norm=10))
train_cfg = dict(max_epochs={epochs}, val_interval={epochs})
warm_up = dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20)
poly = dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=True, end={epochs})
param_scheduler = [warm_up, poly]
auto_scale_lr = dict(base_batch_size=1)
default_hooks = dict(checkpoint=dict(interval={interval}), logger=dict(interval=1))
"""


FEW = f"""
train_cfg = dict(max_epochs=3)
train_dataloader = dict(batch_size=2)
optim_wrapper = dict(optimizer=dict(lr=4e-3))
param_scheduler = [dict(type='ConstantLR', factor=1.0)]
default_hooks = dict(
    checkpoint=dict(interval=1, save_best=None), logger=dict(interval=1))
norms = dict(type='BN', **{QUICK_NORMS})
test_dataloader = _base_.val_dataloader
test_evaluator = _base_.val_evaluator
"""
QUICK = dict(
    deeplab="""
quick = dict(norm_cfg=norms)
model = dict(
    backbone=quick, semantic_head=dict(quick, hard_share=1.0), instance_head=quick)
""",
    fpn_hrnetv2p="""
model = dict(backbone=dict(norm_cfg=norms), test_cfg=dict(rcnn=dict(score_thr=0.3)))
""",
)


@pytest.mark.parametrize(
    'kind',
    [
        pytest.param('deeplab', marks=pytest.mark.jobs),
        pytest.param('fpn_hrnetv2p', marks=pytest.mark.sweep),
    ],
)
def test_a_killed_job_resumes_with_the_losses_it_would_have_had(
    kind, few_people, write_config, tmp_path, mim, run_python
):
    config = write_config(TINY.format(kind), FEW + QUICK[kind])
    people = dict(TINY_PEOPLE=str(few_people))
    score = 'mIoU' if kind == 'deeplab' else 'coco_panoptic/SQ'
    check_resume('mmdet', config, score, tmp_path, mim, **people)
    checkpoint, sheet = tmp_path / 'killed/epoch_3.pth', tmp_path / 'sheet.png'
    show(config, checkpoint, sheet, run_python, **people)
    images = [*few_people.glob('images/test/*.jpg')]
    found = tmp_path / 'found'
    predict(run_python, config, checkpoint, *images, '--output', found)
    content = json.loads((found / 'predictions.json').read_text())
    for entry in content['annotations']:
        ids = cv2.imread(str(found / 'segments' / entry['file_name']))[..., 2]
        areas = {it['id']: it['area'] for it in entry['segments_info']}
        assert areas == {n: (ids == n).sum() for n in np.unique(ids) if n}


@pytest.mark.slow
def test_the_real_image_of_cityscapes_is_learned(
    cityscapes_panoptic, write_config, tmp_path, mim
):
    lines = CITY.format(scale=2.0, sigma=4, rate=2e-3, epochs=100, interval=100)
    leaf = 'det/panoptic-deeplab_w48_cityscapes-512x1024.py'
    config, job = write_config(leaf, lines), Job(tmp_path / 'work')
    city = dict(CITYSCAPES=str(cityscapes_panoptic))
    done = mim('train', 'mmdet', config, '--work-dir', job.work_dir, **city)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert np.isfinite([*job.losses().values()]).all()
    assert job.scores('coco_panoptic/PQ')[-1] >= 60
    assert job.scores('coco_panoptic/PQ_th')[-1] >= 40
    assert job.scores('coco/segm_mAP')[-1] >= 0.2
    assert job.scores('mIoU')[-1] >= 80


REAL_FEW = """
quick = dict(norm_cfg=dict(type='BN', momentum=0.5))
heads = dict(quick, in_channels=[16, 32, 64, 128], pool_size=None, dropout=0.0)
model = dict(
    data_preprocessor=dict(pad_size_divisor=32),
    backbone=dict(quick, arch='w18_small_v1', init_cfg=dict(
        _delete_=True, type='Kaiming', layer='Conv2d')),
    semantic_head=heads, instance_head=heads)
size = {size}
small = dict(
    RandomChoiceResize=dict(scales=[{scale}]),
    RandomCrop=dict(crop_size=size), Pad=dict(size=size))
steps = [dict(it, **small.get(it['type'], {{}})) for it in _base_.train_pipeline]
resize = dict(type='Resize', scale=size, keep_ratio=True)
test_steps = [
    resize if it['type'] == 'Resize' else it for it in _base_.test_pipeline]
held = _base_.val_dataloader.dataset
images = dict(
    _base_.train_dataloader.dataset, ann_file=held.ann_file,
    data_prefix=held.data_prefix, filter_cfg=None, pipeline=steps)
loaded = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(loaded, batch_size=1, dataset=dict(
    _delete_=True, type='RepeatDataset', times={times}, dataset=images))
val_dataloader = test_dataloader = dict(loaded, dataset=dict(pipeline=test_steps))
auto_scale_lr = dict(base_batch_size=1)
optim_wrapper = dict(optimizer=dict(lr=4e-3))
train_cfg = dict(max_epochs=3, val_interval=1)
param_scheduler = [dict(type='ConstantLR', factor=1.0)]
default_hooks = dict(
    checkpoint=dict(interval=1, save_best=None), logger=dict(interval=1))
"""


# four images of COCO, one of Cityscapes; sizes are width and height
@pytest.mark.jobs
@pytest.mark.parametrize(
    ('leaf', 'environment', 'settings'),
    [
        ('coco-640x640', 'COCO', dict(size=(160, 160), scale=(240, 200), times=2)),
        (
            'cityscapes-512x1024',
            'CITYSCAPES',
            dict(size=(192, 96), scale=(256, 128), times=8),
        ),
    ],
    ids=['coco', 'cityscapes'],
)
def test_a_killed_job_on_real_images_resumes(
    leaf, environment, settings, request, write_config, tmp_path, mim
):
    data = request.getfixturevalue(f'{environment.lower()}_panoptic')
    lines = REAL_FEW.format(**settings)
    config = write_config(f'det/panoptic-deeplab_w48_{leaf}.py', lines)
    check_resume('mmdet', config, 'mIoU', tmp_path, mim, **{environment: str(data)})


@pytest.mark.sweep
@pytest.mark.parametrize('kind', ['deeplab', 'fpn_hrnetv2p'])
def test_tiny_people_are_segmented_in_minutes(kind, tiny_people, tmp_path, mim):
    config, job = ROOT / 'configs' / TINY.format(kind), Job(tmp_path / 'work')
    people = dict(TINY_PEOPLE=str(tiny_people))
    done = mim('train', 'mmdet', config, '--work-dir', job.work_dir, **people)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert job.scores('coco_panoptic/PQ_th')[-1] >= 70
