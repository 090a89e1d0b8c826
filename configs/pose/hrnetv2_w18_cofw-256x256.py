"""HRNetV2-W18, 29 landmarks of faces, COFW, 256x256.

NME 3.48 on test (MMPose 1.x).
9,643,829 parameters, 4.30 G MACs (2^30).

    mim train mmpose configs/pose/hrnetv2_w18_cofw-256x256.py
    mim test mmpose configs/pose/hrnetv2_w18_cofw-256x256.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/landmarks.py',
    '../_base_/datasets/cofw.py',
    '../_base_/schedules/adam_60e.py',
]

C = 18  # the streams have C, 2C, 4C and 8C channels

model = dict(
    backbone=dict(
        arch=f'w{C}',
        init_cfg=dict(type='hrnet_mm.Pretrained', checkpoint=f'hrnet://w{C}/imagenet'),
    ),
    head=dict(
        in_channels=15 * C,
        conv_out_channels=(15 * C,),
        out_channels=29,
        decoder=_base_.codec,
    ),
)
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], end=50),  # as MMPose, which ends before 55
]
