"""HigherHRNet-W18-small-v1, bottom-up pose, TinyPeople in crowds: from scratch in minutes on two CPU cores.

hrnet-mm tiny-people --crowd
mim train mmpose configs/pose/higher-hrnet_w18_small_v1_tiny-crowd.py
"""

_base_ = [
    '../_base_/pose/bottomup.py',
    '../_base_/widths/w18_small_v1.py',
    '../_base_/datasets/tiny_crowd.py',
    '../_base_/schedules/tiny_pose.py',
]

epochs = 16

model = dict(
    backbone=dict(arch=_base_.arch),
    head=dict(
        in_channels=_base_.C,
        num_keypoints=17,
        deconv_channels=(_base_.C,),
        num_blocks=1,
        # three times the published weight, to separate tags in so few steps
        tag_loss=dict(type='hrnet_mm.AssociativeEmbeddingLoss', loss_weight=0.003),
        decoder=_base_.codec,
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
