"""Faster R-CNN on HRNetV2p, W40, COCO, 1x.

mim train mmdet configs/det/faster-rcnn_hrnetv2p_w40_coco-1x.py
mim test mmdet configs/det/faster-rcnn_hrnetv2p_w40_coco-1x.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/det/faster_rcnn.py',
    '../_base_/widths/w40.py',
    '../_base_/datasets/coco_det.py',
    '../_base_/schedules/coco_1x.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    neck=dict(in_channels=_base_.widths),
)
