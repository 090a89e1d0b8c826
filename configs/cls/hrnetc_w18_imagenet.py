"""HRNet-W18-C, ImageNet.

Top-1 error 23.2, top-5 error 6.6 (HRNet-Image-Classification);
the same weights in MMPretrain: top-1 76.75, top-5 93.44.
21,295,164 parameters, 3.99 G MACs (2^30) at 224x224.

    mim train mmpretrain configs/cls/hrnetc_w18_imagenet.py
    mim test mmpretrain configs/cls/hrnetc_w18_imagenet.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/cls/hrnetc.py',
    '../_base_/datasets/imagenet.py',
    '../_base_/schedules/imagenet_100e.py',
]

C = 18  # the streams have C, 2C, 4C and 8C channels

model = dict(
    backbone=dict(arch=f'w{C}'),
    neck=[dict(_base_.widen, in_channels=[C, 2 * C, 4 * C, 8 * C]), _base_.pool],
    head=dict(num_classes=_base_.num_classes),
)
