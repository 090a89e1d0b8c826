"""HRNetV2-W18, 98 face landmarks, WFLW, 256x256.

mim train mmpose configs/pose/hrnetv2_w18_wflw-256x256.py
mim test mmpose configs/pose/hrnetv2_w18_wflw-256x256.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/landmarks.py',
    '../_base_/widths/w18.py',
    '../_base_/datasets/wflw_faces.py',
    '../_base_/schedules/adam_60e.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    head=dict(
        in_channels=15 * _base_.C,
        conv_out_channels=(15 * _base_.C,),
        out_channels=98,
        decoder=_base_.codec,
    ),
)
