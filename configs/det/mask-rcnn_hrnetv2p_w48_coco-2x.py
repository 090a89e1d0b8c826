"""Mask R-CNN on HRNetV2p, W48, COCO, 2x.

mim train mmdet configs/det/mask-rcnn_hrnetv2p_w48_coco-2x.py
mim test mmdet configs/det/mask-rcnn_hrnetv2p_w48_coco-2x.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/det/mask_rcnn.py',
    '../_base_/widths/w48.py',
    '../_base_/datasets/coco_masks.py',
    '../_base_/schedules/coco_2x.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    neck=dict(in_channels=_base_.widths),
)
