"""HRNet-W18-C, ImageNet, 300 epochs with cosine and CutMix.

Top-1 error 22.1 (HRNet-Image-Classification).
21,295,164 parameters, 3.99 G MACs (2^30) at 224x224.

    mim train mmpretrain configs/cls/hrnetc_w18_imagenet-300e_cutmix.py
    mim test mmpretrain configs/cls/hrnetc_w18_imagenet-300e_cutmix.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/cls/hrnetc_cutmix.py',
    '../_base_/datasets/imagenet.py',
    '../_base_/schedules/imagenet_300e.py',
]

C = 18  # the streams have C, 2C, 4C and 8C channels

model = dict(
    data_preprocessor=dict(num_classes=_base_.num_classes),
    backbone=dict(arch=f'w{C}'),
    neck=[dict(_base_.widen, in_channels=[C, 2 * C, 4 * C, 8 * C]), _base_.pool],
    head=dict(num_classes=_base_.num_classes),
)
