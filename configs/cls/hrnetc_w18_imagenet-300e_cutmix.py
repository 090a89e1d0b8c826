"""HRNet-W18-C, ImageNet, 300 epochs with cosine and CutMix.

mim train mmpretrain configs/cls/hrnetc_w18_imagenet-300e_cutmix.py
mim test mmpretrain configs/cls/hrnetc_w18_imagenet-300e_cutmix.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/cls/hrnetc_cutmix.py',
    '../_base_/widths/w18.py',
    '../_base_/datasets/imagenet.py',
    '../_base_/schedules/imagenet_300e.py',
]

model = dict(
    data_preprocessor=dict(num_classes=_base_.num_classes),
    backbone=dict(arch=_base_.arch),
    neck=[dict(_base_.widen, in_channels=_base_.widths), _base_.pool],
    head=dict(num_classes=_base_.num_classes),
)
