"""HRNetV2-W18, 98 landmarks of faces, WFLW, 256x256.

NME 4.06 on test (MMPose 1.x; official: 4.60).
9,662,528 parameters, 4.37 G MACs (2^30).

    mim train mmpose configs/pose/hrnetv2_w18_wflw-256x256.py
    mim test mmpose configs/pose/hrnetv2_w18_wflw-256x256.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/landmarks.py',
    '../_base_/datasets/wflw.py',
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
        out_channels=98,
        decoder=_base_.codec,
    ),
)
