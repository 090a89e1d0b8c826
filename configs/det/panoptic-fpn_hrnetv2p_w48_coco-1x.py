"""Panoptic FPN on HRNetV2p, W48, COCO panoptic, 1x. No figure of HRNet is published.

mim train mmdet configs/det/panoptic-fpn_hrnetv2p_w48_coco-1x.py
mim test mmdet configs/det/panoptic-fpn_hrnetv2p_w48_coco-1x.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/det/panoptic_fpn.py',
    '../_base_/widths/w48.py',
    '../_base_/datasets/coco_panoptic.py',
    '../_base_/schedules/coco_1x.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    neck=dict(in_channels=_base_.widths),
)
