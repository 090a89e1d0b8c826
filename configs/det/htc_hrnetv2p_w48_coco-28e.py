"""Hybrid Task Cascade on HRNetV2p, W48, COCO, 28 epochs.

mim train mmdet configs/det/htc_hrnetv2p_w48_coco-28e.py
mim test mmdet configs/det/htc_hrnetv2p_w48_coco-28e.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/det/htc.py',
    '../_base_/widths/w48.py',
    '../_base_/datasets/coco_masks_stuff.py',
    '../_base_/schedules/coco_28e.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    neck=dict(in_channels=_base_.widths),
)
