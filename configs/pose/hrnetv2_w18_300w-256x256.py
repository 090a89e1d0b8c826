"""HRNetV2-W18, 68 landmarks of faces, 300W, 256x256.

NME 2.92 on common, 5.64 on challenge, 3.45 on full, 4.10 on test (MMPose 1.x).
9,654,398 parameters, 4.34 G MACs (2^30).

    mim train mmpose configs/pose/hrnetv2_w18_300w-256x256.py
    mim test mmpose configs/pose/hrnetv2_w18_300w-256x256.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/landmarks.py',
    '../_base_/datasets/300w.py',
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
        out_channels=68,
        decoder=_base_.codec,
    ),
)
