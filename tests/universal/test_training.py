"""The stock runner trains several tasks at once, resumes after a kill, and tests."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip('mmdet')
pytest.importorskip('mmpose')
pytest.importorskip('mmseg')

from jobs import QUICK_NORMS, Job, check_resume

ROOT = Path(__file__).resolve().parents[2]
TINY = 'universal/universal_w18_small_v1_tiny.py'
FEW = f"""
train_cfg = dict(max_epochs=3, val_interval=1)
param_scheduler = [dict(type='ConstantLR', factor=1.0)]
model = dict(backbone=dict(norm_cfg=dict(type='BN', **{QUICK_NORMS})))
default_hooks = dict(
    checkpoint=dict(interval=1, save_best='parts/mIoU', rule='greater'),
    logger=dict(interval=1))
test_dataloader = _base_.val_dataloader
test_evaluator = _base_.val_evaluator
"""


@pytest.mark.parametrize(
    'library',
    [
        pytest.param('mmdet', marks=pytest.mark.jobs),
        pytest.param('mmpose', marks=pytest.mark.slow),
        pytest.param('mmseg', marks=pytest.mark.slow),
    ],
)
def test_a_killed_job_resumes_with_the_losses_it_would_have_had(
    library, few_people, write_config, tmp_path, mim
):
    config = write_config(TINY, FEW)
    people = dict(TINY_PEOPLE=str(few_people))
    check_resume(library, config, 'depth/abs_rel', tmp_path, mim, **people)
    job = Job(tmp_path / 'killed')
    for name in ('objects/coco/bbox_mAP', 'joints/coco/AP', 'parts/mIoU'):
        assert len(job.scores(name)) == 4
