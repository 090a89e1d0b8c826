"""HRNetV2, W18-small-v1, TinyPeople's body parts: from scratch in minutes on two CPU cores.

hrnet-mm tiny-people
mim train mmseg configs/seg/hrnetv2_w18_small_v1_tiny-seg.py
"""

_base_ = [
    '../_base_/seg/hrnetv2.py',
    '../_base_/widths/w18_small_v1.py',
    '../_base_/datasets/tiny_seg.py',
    '../_base_/schedules/tiny.py',
]

model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(arch=_base_.arch),
    decode_head=dict(in_channels=15 * _base_.C, num_classes=_base_.num_classes),
)
auto_scale_lr = dict(enable=False, base_batch_size=4)

default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(interval=1),
    visualization=dict(interval=10),
)
