"""HRNetV2, W18-small-v2, Cityscapes.

mim train mmseg configs/seg/hrnetv2_w18_small_v2_cityscapes-512x1024.py
mim test mmseg configs/seg/hrnetv2_w18_small_v2_cityscapes-512x1024.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/seg/hrnetv2_mmseg.py',
    '../_base_/widths/w18_small_v2.py',
    '../_base_/datasets/cityscapes_photometric.py',
    '../_base_/schedules/cityscapes_430e.py',
]

model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    decode_head=dict(in_channels=15 * _base_.C, num_classes=_base_.num_classes),
)
