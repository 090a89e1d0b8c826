"""HRNet-W30-C, ImageNet.

Top-1 error 21.8, top-5 error 5.8 (HRNet-Image-Classification);
the same weights in MMPretrain: top-1 78.19, top-5 94.22.
37,708,380 parameters, 7.55 G MACs (2^30) at 224x224.

    mim train mmpretrain configs/cls/hrnetc_w30_imagenet.py
    mim test mmpretrain configs/cls/hrnetc_w30_imagenet.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/cls/hrnetc.py',
    '../_base_/datasets/imagenet.py',
    '../_base_/schedules/imagenet_100e.py',
]

C = 30  # the streams have C, 2C, 4C and 8C channels

model = dict(
    backbone=dict(arch=f'w{C}'),
    neck=[dict(_base_.widen, in_channels=[C, 2 * C, 4 * C, 8 * C]), _base_.pool],
    head=dict(num_classes=_base_.num_classes),
)
