"""FCOS on HRNetV2p, W32, COCO, 1x.

mim train mmdet configs/det/fcos_hrnetv2p_w32_coco-1x.py
mim test mmdet configs/det/fcos_hrnetv2p_w32_coco-1x.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/det/fcos.py',
    '../_base_/widths/w32.py',
    '../_base_/datasets/coco_det_fcos.py',
    '../_base_/schedules/fcos_1x.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    neck=dict(in_channels=_base_.widths),
)
