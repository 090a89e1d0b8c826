"""HRNetV2 with a depth head, W18-small-v1, TinyPeople: from scratch in minutes on two CPU cores.

hrnet-mm tiny-people
mim train mmseg configs/seg/hrnetv2-depth_w18_small_v1_tiny-depth.py
"""

_base_ = [
    '../_base_/seg/depth.py',
    '../_base_/widths/w18_small_v1.py',
    '../_base_/datasets/tiny_depth.py',
    '../_base_/schedules/tiny.py',
]

model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(arch=_base_.arch),
    decode_head=dict(in_channels=15 * _base_.C, max_depth=_base_.max_depth),
)
auto_scale_lr = dict(enable=False, base_batch_size=4)

default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(interval=1),
    visualization=dict(interval=10),
)
