"""Panoptic-DeepLab on HRNet-W18, Cityscapes, with depthwise separable convolutions.

mim train mmdet configs/det/panoptic-deeplab_w18_cityscapes-512x1024.py
mim test mmdet configs/det/panoptic-deeplab_w18_cityscapes-512x1024.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/det/panoptic_deeplab.py',
    '../_base_/widths/w18.py',
    '../_base_/datasets/cityscapes_panoptic.py',
    '../_base_/schedules/panoptic_deeplab_cityscapes.py',
]

model = dict(
    _base_.things_and_stuff,
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    semantic_head=dict(in_channels=_base_.widths, pool_size=(16, 32)),
    instance_head=dict(in_channels=_base_.widths, pool_size=(16, 32)),
)
