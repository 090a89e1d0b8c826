"""Two processes with half the batch each train what one process trains."""

from __future__ import annotations

from pathlib import Path

import pytest
from jobs import Processes

ROOT = Path(__file__).resolve().parents[2]

BASE = """
_base_ = ['{config}']
custom_imports = dict(imports=[*_base_.custom_imports['imports'], 'probes'])
custom_hooks = [dict(type='mmengine.MeanLossHook')]
train_dataloader = dict(batch_size={batch}, drop_last=True)
train_cfg = dict(max_epochs=4, val_interval=100)
param_scheduler = []
# Adam makes steps of one size out of gradients that are rounding errors; large steps
# let such errors grow from one to the next
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='SGD', lr={lr}),
    clip_grad=dict(max_norm=1),
)
sync_bn = {sync_bn}
FLOAT32 = dict(precision='float32')  # bfloat16 rounds more than the processes differ
"""
# What draws numbers, or averages over what is in one process, does not.
DETECTION = """
model = dict(
    backbone=FLOAT32,
    neck=FLOAT32,
    train_cfg=dict(
        rpn=dict(
            # each anchor is an object or not, so that all images have as many
            assigner=dict(pos_iou_thr=0.7, neg_iou_thr=0.7),
            sampler=dict(num=1000000, pos_fraction=1.0),
        ),
        rpn_proposal=dict(nms_pre=400, max_per_img=20, nms=dict(iou_threshold=0.9)),
        rcnn=dict(
            sampler=dict(num=1000000, pos_fraction=1.0, add_gt_as_proposals=False)
        ),
    ),
)
"""
POSE = 'model = dict(backbone=FLOAT32)'
TASKS = {
    'mmpose': ('pose/hrnet_w18_small_v1_tiny-pose.py', POSE),
    'mmdet': ('det/faster-rcnn_hrnetv2p_w18_small_v1_tiny-det.py', DETECTION),
}
# A detector chooses objects, so that rounding errors grow faster.
LEARNING_RATE = dict(mmpose=1e-3, mmdet=1e-4)


def losses(library: str, count: int, folder: Path, data: Path) -> list[float]:
    """Of 20 iterations of 4 images, averaged over the processes."""
    leaf, lines = TASKS[library]
    config = folder / f'{count}.py'
    text = BASE.format(
        config=ROOT / 'configs' / leaf,
        batch=4 // count,
        lr=LEARNING_RATE[library],
        sync_bn=repr(None if count == 1 else 'torch'),
    )
    config.write_text(text + lines)
    path = f'{ROOT}:{Path(__file__).parent}'
    job = Processes(
        config, folder / str(count), count=count, library=library,
        TINY_PEOPLE=str(data), PYTHONPATH=path,
    )  # fmt: skip
    assert job.wait() == 0, job.said()[-3000:]
    return list(map(float, (folder / str(count) / 'losses.txt').read_text().split()))[
        :20
    ]


@pytest.mark.slow
@pytest.mark.parametrize('library', TASKS)
def test_losses_of_twenty_iterations(library, tmp_path, few_people):
    pytest.importorskip(library)
    one, two = (losses(library, n, tmp_path, few_people) for n in (1, 2))
    assert len(one) == 20
    assert max(one) > 1.001 * min(one)
    assert two == pytest.approx(one, rel=1e-4)
