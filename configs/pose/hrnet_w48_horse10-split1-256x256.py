"""HRNet-W48, animal pose, Horse-10, split 1, 256x256.

mim train mmpose configs/pose/hrnet_w48_horse10-split1-256x256.py
mim test mmpose configs/pose/hrnet_w48_horse10-split1-256x256.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/topdown.py',
    '../_base_/widths/w48.py',
    '../_base_/codecs/256x256.py',
    '../_base_/datasets/horse10_animals.py',
    '../_base_/schedules/adam_210e.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet_pose),
    head=dict(in_channels=_base_.C, out_channels=22, decoder=_base_.codec),
)
default_hooks = dict(checkpoint=dict(save_best='PCK'))
train_dataloader = dict(
    batch_size=32,
    dataset=dict(pipeline=[*_base_.augment, *_base_.encode]),
)
val_dataloader = dict(dataset=dict(pipeline=[*_base_.prepare, *_base_.crop]))
test_dataloader = val_dataloader
auto_scale_lr = dict(base_batch_size=256)
