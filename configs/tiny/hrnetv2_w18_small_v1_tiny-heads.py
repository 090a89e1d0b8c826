"""HRNetV2-W18-small-v1, five landmarks of heads, TinyPeople: minutes on two CPU cores.

From scratch. NME <= 2 % on the test split, by the distance between the ears.
1,537,445 parameters.

    hrnet-mm tiny-people
    mim train mmpose configs/tiny/hrnetv2_w18_small_v1_tiny-heads.py
"""

_base_ = [
    '../_base_/pose/landmarks.py',
    '../_base_/datasets/tiny_heads.py',
    '../_base_/schedules/tiny_pose.py',
]

C = 16  # the streams have C, 2C, 4C and 8C channels
epochs = 8

model = dict(
    backbone=dict(arch='w18_small_v1'),
    head=dict(
        in_channels=15 * C,
        conv_out_channels=(15 * C,),
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
