"""DEKR with HRNet-W18-small-v1, bottom-up pose, TinyPeople in crowds: from scratch in minutes on two CPU cores.

hrnet-mm tiny-people --crowd
mim train mmpose configs/pose/dekr_w18_small_v1_tiny-crowd.py
"""

_base_ = [
    '../_base_/pose/dekr.py',
    '../_base_/widths/w18_small_v1.py',
    '../_base_/datasets/tiny_crowd_dekr.py',
    '../_base_/schedules/tiny_pose.py',
]

epochs = 8

model = dict(
    backbone=dict(arch=_base_.arch),
    head=dict(
        in_channels=sum(_base_.widths),
        num_keypoints=17,
        num_displacement_filters_per_keypoint=2,
        decoder=_base_.dekr,
    ),
    test_cfg=dict(flip_test=False),
)

train_cfg = dict(max_epochs=epochs, val_interval=4)
optim_wrapper = dict(optimizer=dict(lr=4e-3))
param_scheduler = [_base_.warm_up, dict(_base_.cosine, T_max=epochs, end=epochs)]
auto_scale_lr = dict(base_batch_size=8)

default_hooks = dict(
    logger=dict(interval=25),
    checkpoint=dict(interval=4),
    visualization=dict(interval=10),
)
