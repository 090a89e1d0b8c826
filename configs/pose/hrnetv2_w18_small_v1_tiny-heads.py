"""HRNetV2-W18-small-v1, five face landmarks, TinyPeople: from scratch in minutes on two CPU cores.

hrnet-mm tiny-people
mim train mmpose configs/pose/hrnetv2_w18_small_v1_tiny-heads.py
"""

_base_ = [
    '../_base_/pose/landmarks.py',
    '../_base_/widths/w18_small_v1.py',
    '../_base_/datasets/tiny_heads.py',
    '../_base_/schedules/tiny_pose.py',
]

epochs = 8

model = dict(
    backbone=dict(arch=_base_.arch),
    head=dict(
        in_channels=15 * _base_.C,
        conv_out_channels=(15 * _base_.C,),
        out_channels=5,
        decoder=_base_.codec,
    ),
    test_cfg=dict(flip_test=False),
)

train_cfg = dict(max_epochs=epochs)
param_scheduler = [_base_.warm_up, dict(_base_.cosine, T_max=epochs, end=epochs)]

default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(interval=2),
    visualization=dict(interval=2),
)
