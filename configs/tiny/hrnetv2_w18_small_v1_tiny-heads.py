"""HRNetV2-W18-small-v1, five landmarks of heads, TinyPeople: minutes on two CPU cores.

From scratch. NME <= 2 % on the test split, by the distance between the ears.
1,537,445 parameters.

    hrnet-mm tiny-people
    mim train mmpose configs/tiny/hrnetv2_w18_small_v1_tiny-heads.py
"""

_base_ = ['../_base_/pose/landmarks.py', '../_base_/datasets/tiny_heads.py']

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

train_cfg = dict(by_epoch=True, max_epochs=epochs, val_interval=2)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(optimizer=dict(type='Adam', lr=2e-3, fused=True))
param_scheduler = [
    dict(type='LinearLR', begin=0, end=50, start_factor=0.01, by_epoch=False),
    dict(
        type='CosineAnnealingLR',
        T_max=epochs,
        end=epochs,
        eta_min=2e-5,
        convert_to_iter_based=True,
    ),
]
auto_scale_lr = dict(enable=False, base_batch_size=16)

default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(interval=2),
    visualization=dict(interval=2),
)
