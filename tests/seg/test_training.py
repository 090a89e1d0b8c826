"""The stock runner trains a segmentor, resumes after a kill, and tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip('mmseg')

from jobs import QUICK_NORMS, Job, check_resume, predict, score_of, show

ROOT = Path(__file__).resolve().parents[2]
FEW = """
default_hooks = dict(checkpoint=dict(interval=1), logger=dict(interval=1))
train_cfg = dict(max_epochs=3, val_interval=1)
"""
SMALL = """
size = ({height}, {width})
model.update(data_preprocessor=dict(size=size))
resize = dict(type='Resize', scale=size[::-1], keep_ratio=False)
augmented = dict(data, pipeline=[
    _base_.read, *_base_.labels, resize, _base_.flip, _base_.pack])
train_dataloader = dict(
    batch_size=2, num_workers=0, persistent_workers=False,
    dataset=dict(_delete_=True, type='RepeatDataset', times={times}, dataset=augmented))
val_dataloader = dict(
    num_workers=0, persistent_workers=False,
    dataset=dict(data, _delete_=True, test_mode=True, pipeline=[
        _base_.read, resize, *_base_.labels, _base_.pack]))
test_dataloader = val_dataloader
"""


@pytest.fixture
def cityscapes(real_cityscapes) -> str:
    """The lines of a config that find the real image, in both splits."""
    return f"""
model = dict(
    backbone=dict(init_cfg=None, norm_cfg={QUICK_NORMS}),
    decode_head=dict(norm_cfg={QUICK_NORMS}))
data = dict(
    type='hrnet_mm.CityscapesSeg', data_root='{real_cityscapes}',
    data_prefix=dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val'))
"""


@pytest.mark.jobs
@pytest.mark.lane
def test_a_killed_job_resumes_with_the_losses_it_would_have_had(
    few_people, write_config, tmp_path, mim, run_python
):
    """And its checkpoint is tested with augmentations and shown."""
    lines = f"""
model = dict(backbone=dict(norm_cfg={QUICK_NORMS}))
train_dataloader = dict(batch_size=4)
test_dataloader = _base_.val_dataloader
"""
    config = write_config('seg/hrnetv2-ocr_w18_small_v1_tiny-seg.py', lines + FEW)
    people = dict(TINY_PEOPLE=str(few_people))
    check_resume('mmseg', config, 'mIoU', tmp_path, mim, **people)
    checkpoint = tmp_path / 'killed/epoch_3.pth'
    score_of('mIoU', mim, 'mmseg', config, checkpoint, '--tta', **people)
    show(config, checkpoint, tmp_path / 'sheet.png', run_python, **people)


@pytest.mark.jobs
def test_a_killed_job_of_depth_resumes_too(
    few_people, write_config, tmp_path, mim, run_python
):
    lines = f"""
norm_cfg = {QUICK_NORMS}
model = dict(backbone=dict(norm_cfg=norm_cfg), decode_head=dict(norm_cfg=norm_cfg))
train_dataloader = dict(batch_size=4)
test_dataloader = _base_.val_dataloader
"""
    config = write_config('seg/hrnetv2-depth_w18_small_v1_tiny-depth.py', lines + FEW)
    people = dict(TINY_PEOPLE=str(few_people))
    check_resume('mmseg', config, 'abs_rel', tmp_path, mim, **people)
    losses = Job(tmp_path / 'killed').losses().values()
    assert np.isfinite([*losses]).all()
    checkpoint = tmp_path / 'killed/epoch_3.pth'
    score_of('abs_rel', mim, 'mmseg', config, checkpoint, '--tta', **people)
    show(config, checkpoint, tmp_path / 'sheet.png', run_python, **people)


OVERFIT = """
optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adam', lr=2e-3))
train_cfg = dict(max_epochs=1, val_interval=1)
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0, end=1, convert_to_iter_based=True)]
"""


@pytest.mark.sweep
def test_a_small_trunk_overfits_a_real_image_within_300_iterations(
    cityscapes, write_config, tmp_path, mim, run_python
):
    lines = cityscapes + SMALL.format(height=128, width=256, times=600) + OVERFIT
    config = write_config('seg/hrnetv2_w18_small_v1_cityscapes-512x1024.py', lines)
    job = Job(tmp_path / 'work')
    done = mim('train', 'mmseg', config, '--work-dir', job.work_dir)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert max(row['step'] for row in job.rows()) <= 300
    assert job.scores('mIoU')[-1] >= 80  # poles are thinner than the cells of 1/4
    (checkpoint,) = job.work_dir.glob('best_mIoU_epoch_1.pth')
    show(config, checkpoint, tmp_path / 'sheet.png', run_python)


@pytest.mark.slow
def test_tiny_people_are_learned_in_minutes(tiny_people, tmp_path, mim, run_python):
    """After a sixth of the iterations of the config."""
    people = dict(TINY_PEOPLE=str(tiny_people))
    config = ROOT / 'configs/seg/hrnetv2-ocr_w18_small_v1_tiny-seg.py'
    job = Job(tmp_path / 'work')
    done = mim(
        'train', 'mmseg', config, '--work-dir', job.work_dir,
        '--cfg-options', 'train_cfg.max_epochs=1',
        'train_dataloader.dataset.indices=500', **people,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    checkpoint = job.work_dir / 'best_mIoU_epoch_1.pth'
    assert job.scores('mIoU')[-1] >= 35
    predict(
        run_python, config, checkpoint, tiny_people / 'images/val',
        '--output', tmp_path / 'out', '--no-pictures', **people,
    )  # fmt: skip
    found = mean_iou(tmp_path / 'out/labels', tiny_people / 'labels/val')
    assert found == pytest.approx(job.scores('mIoU')[-1], abs=0.1)  # percent


@pytest.mark.sweep
def test_depth_of_tiny_people_is_learned_in_minutes(
    tiny_people, tmp_path, mim, run_python
):
    """Better than the mean depth of the training data by far."""
    people = dict(TINY_PEOPLE=str(tiny_people))
    config = ROOT / 'configs/seg/hrnetv2-depth_w18_small_v1_tiny-depth.py'
    job = Job(tmp_path / 'work')
    done = mim('train', 'mmseg', config, '--work-dir', job.work_dir, **people)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert job.scores('d1')[-1] >= 0.9
    constant = error_of_the_mean_depth(tiny_people)
    assert 0.4 < constant < 0.5
    assert job.scores('abs_rel')[-1] < constant / 3


def error_of_the_mean_depth(root: Path) -> float:
    """``abs_rel`` on the validation data of the mean depth of the training data."""
    train, val = (
        [np.asarray(Image.open(path)) for path in (root / 'depth' / split).iterdir()]
        for split in ('train', 'val')
    )
    constant = np.mean(train)
    return float(np.mean([(np.abs(it - constant) / it).mean() for it in val]))


def mean_iou(predicted: Path, truth: Path) -> float:
    """The mean intersection over union of label maps, in percent."""
    counts = np.zeros((256, 256))
    for path in truth.iterdir():
        pair = [np.asarray(Image.open(p)) for p in (path, predicted / path.name)]
        np.add.at(counts, (pair[0].ravel(), pair[1].ravel()), 1)
    union = counts.sum(axis=0) + counts.sum(axis=1) - counts.diagonal()
    return 100 * (counts.diagonal()[union > 0] / union[union > 0]).mean()
