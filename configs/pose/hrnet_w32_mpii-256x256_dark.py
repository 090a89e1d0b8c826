"""HRNet-W32, human pose, MPII, 256x256, DARK.

mim train mmpose configs/pose/hrnet_w32_mpii-256x256_dark.py
mim test mmpose configs/pose/hrnet_w32_mpii-256x256_dark.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/topdown.py',
    '../_base_/widths/w32.py',
    '../_base_/datasets/mpii_pose_256x256_dark.py',
    '../_base_/schedules/adam_210e.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet_pose),
    head=dict(in_channels=_base_.C, out_channels=16, decoder=_base_.codec),
)
default_hooks = dict(checkpoint=dict(save_best='PCK'))
