"""Mask R-CNN on HRNetV2p, W32, COCO, 1x.

mim train mmdet configs/det/mask-rcnn_hrnetv2p_w32_coco-1x.py
mim test mmdet configs/det/mask-rcnn_hrnetv2p_w32_coco-1x.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/det/mask_rcnn.py',
    '../_base_/widths/w32.py',
    '../_base_/datasets/coco_masks.py',
    '../_base_/schedules/coco_1x.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    neck=dict(in_channels=_base_.widths),
)
