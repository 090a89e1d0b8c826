"""HRNetV2-W18, 19 face landmarks, AFLW, 256x256.

mim train mmpose configs/pose/hrnetv2_w18_aflw-256x256.py
mim test mmpose configs/pose/hrnetv2_w18_aflw-256x256.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/landmarks.py',
    '../_base_/widths/w18.py',
    '../_base_/datasets/aflw_faces.py',
    '../_base_/schedules/adam_60e.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    head=dict(
        in_channels=15 * _base_.C,
        conv_out_channels=(15 * _base_.C,),
        out_channels=19,
        decoder=_base_.codec,
    ),
)
