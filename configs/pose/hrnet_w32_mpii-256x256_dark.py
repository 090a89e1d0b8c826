"""HRNet-W32, human pose, MPII, 256x256, DARK.

mim train mmpose configs/pose/hrnet_w32_mpii-256x256_dark.py
mim test mmpose configs/pose/hrnet_w32_mpii-256x256_dark.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/topdown.py',
    '../_base_/widths/w32.py',
    '../_base_/codecs/256x256_dark.py',
    '../_base_/datasets/mpii_pose.py',
    '../_base_/schedules/adam_210e.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet_pose),
    head=dict(in_channels=_base_.C, out_channels=16, decoder=_base_.codec),
)
default_hooks = dict(checkpoint=dict(save_best='PCK'))
train_dataloader = dict(dataset=dict(pipeline=[*_base_.augment, *_base_.encode]))
val_dataloader = dict(dataset=dict(pipeline=[*_base_.prepare, *_base_.crop]))
test_dataloader = val_dataloader
