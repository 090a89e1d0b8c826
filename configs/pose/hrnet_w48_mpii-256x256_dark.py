"""HRNet-W48, human pose, MPII, 256x256, DARK.

PCKh@0.5 90.5, @0.1 36.0 on val (MMPose).
63,595,696 parameters, 19.49 G MACs (2^30).

    mim train mmpose configs/pose/hrnet_w48_mpii-256x256_dark.py
    mim test mmpose configs/pose/hrnet_w48_mpii-256x256_dark.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/topdown.py',
    '../_base_/datasets/mpii_pose_256x256_dark.py',
    '../_base_/schedules/adam_210e.py',
]

C = 48  # the streams have C, 2C, 4C and 8C channels

model = dict(
    backbone=dict(
        arch=f'w{C}',
        init_cfg=dict(
            type='hrnet_mm.Pretrained', checkpoint=f'hrnet://w{C}/imagenet-pose'
        ),
    ),
    head=dict(in_channels=C, out_channels=16, decoder=_base_.codec),
)
default_hooks = dict(checkpoint=dict(save_best='PCK'))
