"""HRNet-W18-small-v1, human pose, TinyPeople: from scratch in minutes on two CPU cores.

hrnet-mm tiny-people
mim train mmpose configs/pose/hrnet_w18_small_v1_tiny-pose.py
"""

_base_ = [
    '../_base_/pose/topdown.py',
    '../_base_/widths/w18_small_v1.py',
    '../_base_/datasets/tiny_pose.py',
    '../_base_/schedules/tiny_pose.py',
]

model = dict(
    backbone=dict(arch=_base_.arch),
    head=dict(in_channels=_base_.C, out_channels=17, decoder=_base_.codec),
    test_cfg=dict(flip_test=False),
)

default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(interval=2),
    visualization=dict(interval=2),
)
