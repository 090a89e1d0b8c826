"""HRNetV2-W18, 19 landmarks of faces, AFLW, 256x256.

NME 1.41 on full, 1.27 on frontal (MMPose 1.x; official: 1.57, 1.46).
9,641,119 parameters, 4.29 G MACs (2^30).

    mim train mmpose configs/pose/hrnetv2_w18_aflw-256x256.py
    mim test mmpose configs/pose/hrnetv2_w18_aflw-256x256.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/landmarks.py',
    '../_base_/datasets/aflw.py',
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
        out_channels=19,
        decoder=_base_.codec,
    ),
)
