"""Faster R-CNN on HRNetV2p, W40, COCO, 2x.

mim train mmdet configs/det/faster-rcnn_hrnetv2p_w40_coco-2x.py
mim test mmdet configs/det/faster-rcnn_hrnetv2p_w40_coco-2x.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/det/faster_rcnn.py',
    '../_base_/widths/w40.py',
    '../_base_/datasets/coco_det.py',
    '../_base_/schedules/coco_2x.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    neck=dict(in_channels=_base_.widths),
)
