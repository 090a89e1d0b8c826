"""The stock runner trains, tests and draws landmarks of faces."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip('mmpose')

import numpy as np
from jobs import Job, show

from hrnet_mm.pose import TinyHeads

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / 'configs/tiny/hrnetv2_w18_small_v1_tiny-heads.py'


def test_heads_are_those_that_show_all_landmarks(few_people):
    folder = dict(data_root=str(few_people), ann_file='annotations/train.json')
    heads = TinyHeads(**folder, data_prefix=dict(img='images/train/'))
    assert 5 < len(heads) < 25  # of 20 images
    for i in range(len(heads)):
        head = heads.get_data_info(i)
        assert head['keypoints'].shape == (1, 5, 2)
        assert (head['keypoints_visible'] == 1).all()
        ((left, top, right, bottom),) = head['bbox']
        middle = head['keypoints'][0].mean(axis=0)
        assert left < middle[0] < right
        assert top < middle[1] < bottom
    assert heads.metainfo['flip_indices'] == [0, 2, 1, 4, 3]


@pytest.mark.slow
def test_heads_are_learned_in_minutes(tiny_people, tmp_path, mim, run_python):
    """After two of the eight epochs of the config."""
    job, where = Job(tmp_path / 'work'), dict(TINY_PEOPLE=str(tiny_people))
    done = mim(
        'train', 'mmpose', TINY, '--work-dir', job.work_dir,
        '--cfg-options', 'train_cfg.max_epochs=2', 'train_cfg.val_interval=2',
        'default_hooks.checkpoint.interval=2', **where,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert job.scores('NME')[-1] <= 0.1
    checkpoint = job.work_dir / 'epoch_2.pth'
    show(TINY, checkpoint, tmp_path / 'sheet.png', run_python, **where)


# no turns and mirror images; joints to a fraction of a pixel (DARK)
OVERFIT = """
model = dict(
    backbone=dict(arch='w18_small_v1', init_cfg=dict(
        _delete_=True, type='Normal', std=0.001, layer='Conv2d')),
    head=dict(in_channels=240, decoder=dict(unbiased=True)),
    test_cfg=dict(flip_test=False),
)
data = dict(data_root='{root}', ann_file='{name}', data_prefix=dict(img=''))
still = [t for t in _base_.train_dataloader.dataset.pipeline if t['type'] not in (
    'hrnet_mm.SeedSample', 'RandomFlip', 'RandomBBoxTransform')]
quiet = dict(batch_size=4, num_workers=0, persistent_workers=False)
train_dataloader = dict(quiet, dataset=dict(data, pipeline=still))
val_dataloader = test_dataloader = dict(quiet, dataset=data)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
train_cfg = dict(max_epochs={steps}, val_interval={steps})
default_hooks = dict(
    checkpoint=dict(interval={steps}), logger=dict(interval=10))
param_scheduler = [
    dict(type='LinearLR', begin=0, end=10, start_factor=0.1, by_epoch=False),
    dict(type='MultiStepLR', milestones=[{steps} * 3 // 4, {steps} * 9 // 10],
         gamma=0.1, by_epoch=True),
]
"""


@pytest.mark.slow
def test_a_small_trunk_learns_real_faces(real_faces, write_config, tmp_path, mim):
    steps = 80
    lines = OVERFIT.format(root=real_faces / 'wflw', name='test_wflw.json', steps=steps)
    config = write_config('pose/hrnetv2_w18_wflw-256x256.py', lines)
    job = Job(tmp_path / 'work')
    done = mim('train', 'mmpose', config, '--work-dir', job.work_dir)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    losses = job.losses()
    assert max(losses) == steps  # a batch of all faces
    assert np.isfinite([*losses.values()]).all()
    (last,) = job.scores('NME')
    assert last <= 0.05


@pytest.mark.parametrize(('faces', 'landmarks'), [('300w', 68), ('cofw', 29)])
def test_a_step_on_real_faces(faces, landmarks, real_faces):
    from mmengine.config import Config
    from mmengine.dataset import pseudo_collate
    from mmpose.registry import DATASETS, MODELS
    from mmpose.utils import register_all_modules

    register_all_modules()
    cfg = Config.fromfile(ROOT / f'configs/pose/hrnetv2_w18_{faces}-256x256.py')
    name = f'test_{faces}.json'
    where = dict(ann_file=name, data_root=str(real_faces / faces))
    where['data_prefix'] = dict(img='')
    samples = DATASETS.build({**cfg.train_dataloader.dataset, **where})
    batch = pseudo_collate([samples[0], samples[1]])
    cfg.model.backbone.update(arch='w18_small_v1', init_cfg=None)
    cfg.model.head.in_channels = 240
    model = MODELS.build(cfg.model)
    losses = model(**model.data_preprocessor(batch, training=True), mode='loss')
    assert losses['loss_kpt'].isfinite()
    heatmaps = batch['data_samples'][0].gt_fields.heatmaps
    assert heatmaps.shape == (landmarks, 64, 64)
