"""Cascade R-CNN on HRNetV2p, W32, VisDrone-DET, 1x.

mim train mmdet configs/det/cascade-rcnn_hrnetv2p_w32_visdrone-1x.py
mim test mmdet configs/det/cascade-rcnn_hrnetv2p_w32_visdrone-1x.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/det/cascade_rcnn_drones.py',
    '../_base_/widths/w32.py',
    '../_base_/datasets/visdrone.py',
    '../_base_/schedules/coco_1x.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    neck=dict(in_channels=_base_.widths),
)
