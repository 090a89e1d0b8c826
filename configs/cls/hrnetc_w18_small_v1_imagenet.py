"""HRNet-W18-small-v1-C, ImageNet.

Top-1 error 27.7, top-5 error 9.3 (HRNet-Image-Classification).
13,183,624 parameters, 1.49 G MACs (2^30) at 224x224.

    mim train mmpretrain configs/cls/hrnetc_w18_small_v1_imagenet.py
    mim test mmpretrain configs/cls/hrnetc_w18_small_v1_imagenet.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/cls/hrnetc.py',
    '../_base_/datasets/imagenet.py',
    '../_base_/schedules/imagenet_100e.py',
]

C = 16  # the streams have C, 2C, 4C and 8C channels

model = dict(
    backbone=dict(arch='w18_small_v1'),
    neck=[dict(_base_.widen, in_channels=[C, 2 * C, 4 * C, 8 * C]), _base_.pool],
    head=dict(num_classes=_base_.num_classes),
)
