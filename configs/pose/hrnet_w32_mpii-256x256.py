"""HRNet-W32, human pose, MPII, 256x256.

PCKh@0.5 90.0, @0.1 33.4 on val (MMPose) (official, other augmentation: 90.3, 37.7).
28,536,080 parameters, 9.49 G MACs (2^30).

    mim train mmpose configs/pose/hrnet_w32_mpii-256x256.py
    mim test mmpose configs/pose/hrnet_w32_mpii-256x256.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/topdown.py',
    '../_base_/datasets/mpii_pose_256x256.py',
    '../_base_/schedules/adam_210e.py',
]

C = 32  # the streams have C, 2C, 4C and 8C channels

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
