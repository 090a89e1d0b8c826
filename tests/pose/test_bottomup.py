"""The stock runner trains bottom-up models, goes on, and tests them as published."""

from __future__ import annotations

import pytest

pytest.importorskip('mmpose')

from jobs import Job, score_of

from hrnet_mm.data import TinyPeople

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
