"""The stock runner trains a classifier, resumes after a kill, and tests."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip('mmpretrain')

from jobs import QUICK_NORMS, Job, check_resume, show

from hrnet_mm.tiny_people import TinyPeople

ROOT = Path(__file__).resolve().parents[2]
TINY = 'cls/hrnetc_w18_small_v1_tiny-cls.py'

NORMS = dict(type='BN', **QUICK_NORMS)

FEW = f"""
train_cfg = dict(max_epochs=3, val_interval=1)
train_dataloader = dict(batch_size=4)
default_hooks = dict(
    checkpoint=dict(interval=1, save_best=None), logger=dict(interval=1),
    visualization=dict(interval=1))
model = dict(
    data_preprocessor=dict(num_classes=6),
    train_cfg=dict(augments=dict(type='CutMix', alpha=1.0)),
    backbone=dict(norm_cfg={NORMS}),
    head=dict(loss=dict(_delete_=True, type='CrossEntropyLoss'), cal_acc=False))
# without warm-up, or a few steps leave the predictions as they were
param_scheduler = [dict(type='ConstantLR', factor=1.0)]
optim_wrapper = dict(paramwise_cfg=dict(_delete_=True))
# ranks all images: a net that says one class of every image still changes it
val_evaluator = test_evaluator = dict(_delete_=True, type='AveragePrecision')
"""


@pytest.mark.jobs
@pytest.mark.lane
def test_a_killed_job_resumes_with_the_losses_it_would_have_had(
    tmp_path, write_config, mim, run_python
):
    """The order, the crops, and what CutMix draws are those of a job never killed."""
    people = TinyPeople(splits={'train': 12, 'val': 8, 'test': 8})
    env = dict(TINY_PEOPLE=str(people.write(tmp_path / 'tiny_people')))
    lines = FEW + 'test_dataloader = dict(_base_.val_dataloader)\n'
    config = write_config(TINY, lines)
    check_resume('mmpretrain', config, 'multi-label/mAP', tmp_path, mim, **env)
    checkpoint = tmp_path / 'killed/epoch_3.pth'
    show(config, checkpoint, tmp_path / 'sheet.png', run_python, **env)


@pytest.mark.slow
def test_tiny_people_are_told_apart_in_minutes(tiny_people, tmp_path, mim):
    """After two of the five epochs of the config; chance is 17 %."""
    env = dict(TINY_PEOPLE=str(tiny_people))
    config = ROOT / 'configs' / TINY
    job = Job(tmp_path / 'work')
    done = mim(
        'train', 'mmpretrain', config, '--work-dir', job.work_dir,
        '--cfg-options', 'train_cfg.max_epochs=2', **env,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert len([*job.work_dir.glob('best_accuracy_*_epoch_*.pth')]) == 1
    assert max(job.scores('accuracy/top1')) >= 35
