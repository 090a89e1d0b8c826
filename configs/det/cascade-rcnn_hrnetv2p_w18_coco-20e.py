"""Cascade R-CNN on HRNetV2p, W18, COCO, 20 epochs.

mim train mmdet configs/det/cascade-rcnn_hrnetv2p_w18_coco-20e.py
mim test mmdet configs/det/cascade-rcnn_hrnetv2p_w18_coco-20e.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/det/cascade_rcnn.py',
    '../_base_/widths/w18.py',
    '../_base_/datasets/coco_det.py',
    '../_base_/schedules/coco_20e.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    neck=dict(in_channels=_base_.widths),
)
