"""FCOS on HRNetV2p, W18, COCO, 2x, images of two sizes.

mim train mmdet configs/det/fcos_hrnetv2p_w18_coco-2x_scales.py
mim test mmdet configs/det/fcos_hrnetv2p_w18_coco-2x_scales.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/det/fcos.py',
    '../_base_/widths/w18.py',
    '../_base_/datasets/coco_det_fcos_scales.py',
    '../_base_/schedules/fcos_2x.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    neck=dict(in_channels=_base_.widths),
)
