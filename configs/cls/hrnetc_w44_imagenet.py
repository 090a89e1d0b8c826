"""HRNet-W44-C, ImageNet.

mim train mmpretrain configs/cls/hrnetc_w44_imagenet.py
mim test mmpretrain configs/cls/hrnetc_w44_imagenet.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/cls/hrnetc.py',
    '../_base_/widths/w44.py',
    '../_base_/datasets/imagenet.py',
    '../_base_/schedules/imagenet_100e.py',
]

model = dict(
    backbone=dict(arch=_base_.arch),
    neck=[dict(_base_.widen, in_channels=_base_.widths), _base_.pool],
    head=dict(num_classes=_base_.num_classes),
)
