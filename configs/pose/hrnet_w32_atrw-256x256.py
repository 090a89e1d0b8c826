"""HRNet-W32, animal pose, ATRW (tigers), 256x256.

mim train mmpose configs/pose/hrnet_w32_atrw-256x256.py
mim test mmpose configs/pose/hrnet_w32_atrw-256x256.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/topdown.py',
    '../_base_/widths/w32.py',
    '../_base_/codecs/256x256.py',
    '../_base_/datasets/atrw_animals.py',
    '../_base_/schedules/adam_210e.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet_pose),
    head=dict(in_channels=_base_.C, out_channels=15, decoder=_base_.codec),
)
train_dataloader = dict(dataset=dict(pipeline=[*_base_.augment, *_base_.encode]))
val_dataloader = dict(dataset=dict(pipeline=[*_base_.prepare, *_base_.crop]))
test_dataloader = val_dataloader
