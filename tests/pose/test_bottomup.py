"""The stock runner trains bottom-up models, goes on, and tests them as published."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('mmpose')

from jobs import Job, kill_in_epoch, score_of

from hrnet_mm.data import TinyPeople

ROOT = Path(__file__).resolve().parents[2]
TINY = 'tiny/higher-hrnet_w18_small_v1_tiny-crowd.py'


@pytest.fixture(scope='module')
def few_crowds(tmp_path_factory):
    root = tmp_path_factory.mktemp('few') / 'tiny_crowd'
    return TinyPeople(splits={'train': 8, 'val': 2, 'test': 2}, crowd=True).write(root)


QUICK = """
train_cfg = dict(max_epochs=2, val_interval=2)
train_dataloader = dict(batch_size=4)
default_hooks = dict(checkpoint=dict(interval=1), logger=dict(interval=1))
"""
# three scales and mirror images, one after the other
THOROUGH = """
model = dict(test_cfg=dict(flip_test=True, multiscale_test=True))
test_dataloader = dict(dataset=dict(pipeline=[
    dict(t, aug_scales=[0.5, 2]) if t['type'] == 'BottomupResize' else t
    for t in _base_.test_dataloader.dataset.pipeline]))
"""


def test_a_model_is_trained_and_tested_at_several_scales(
    few_crowds, write_config, tmp_path, mim
):
    job = Job(tmp_path / 'work')
    config = write_config(TINY, QUICK)
    where = dict(TINY_CROWD=str(few_crowds))
    done = mim('train', 'mmpose', config, '--work-dir', job.work_dir, **where)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert len(set(job.losses().values())) == 4
    for name in ('loss_heatmap_0', 'loss_heatmap_1', 'loss_pull', 'loss_push'):
        assert all(score >= 0 for score in job.scores(name))
    thorough = write_config(TINY, THOROUGH)
    score_of('coco/AP', mim, 'mmpose', thorough, job.work_dir / 'epoch_2.pth', **where)


# the whole image in 256x256, as in the test: no turns, no mirror images
OVERFIT = """
size = (256, 256)
codec = dict(_base_.codec, input_size=size, heatmap_sizes=[(64, 64), (128, 128)])
model.update(head=dict(decoder=codec), test_cfg=dict(flip_test=False))
load = dict(type='LoadImage')
still = dict(
    type='BottomupRandomAffine', input_size=size, scale_type='long',
    shift_prob=0, scale_prob=0, rotate_prob=0)
target = dict(type='GenerateTarget', encoder=codec)
train_dataloader['dataset'] = dict(data, pipeline=[
    load, still, target, dict(type='hrnet_mm.CrowdMask'), _base_.pack])
resize = dict(type='BottomupResize', input_size=size, resize_mode='fit')
val_dataloader = test_dataloader = dict(
    num_workers=0, persistent_workers=False,
    dataset=dict(data, bbox_file=None, pipeline=[load, resize, _base_.pack]))
optim_wrapper = dict(optimizer=dict(lr=1e-3))
train_cfg = dict(max_epochs={steps}, val_interval={steps})
default_hooks['checkpoint'] = dict(interval={steps} // 4)
param_scheduler = [
    dict(type='LinearLR', begin=0, end=10, start_factor=0.1, by_epoch=False),
    dict(type='MultiStepLR', milestones=[{steps} * 3 // 4, {steps} * 9 // 10],
         gamma=0.1, by_epoch=True),
]
"""


@pytest.mark.slow
def test_w32_goes_on_and_overfits_real_images_within_400_iterations(
    coco_lines, write_config, tmp_path, mim
):
    steps = 200
    lines = coco_lines + OVERFIT.format(steps=steps)
    config = write_config('pose/higher-hrnet_w32_coco-512x512.py', lines)
    job = Job(tmp_path / 'work')
    train = ('train', 'mmpose', config, '--work-dir', job.work_dir)
    env = {**os.environ, 'PYTHONPATH': str(ROOT), 'CUDA_VISIBLE_DEVICES': ''}
    kill_in_epoch(steps // 2, [*map(str, train)], tmp_path / 'log', env)
    done = mim(*train, '--resume')
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert f'resumed epoch: {steps // 4}' in done.stdout + done.stderr
    losses = job.losses()
    assert [*losses] == [*range(1, steps + 1)]  # a batch of all four images
    assert np.isfinite([*losses.values()]).all()
    (last,) = job.scores('coco/AP')
    assert last >= 0.8
    checkpoint = job.work_dir / f'epoch_{steps}.pth'
    score = score_of('coco/AP', mim, 'mmpose', config, checkpoint)
    assert score == pytest.approx(last, abs=5e-5)
