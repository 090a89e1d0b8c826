"""HRNetV2-W18, hand pose, CMU Panoptic HandDB, 256x256, DARK.

mim train mmpose configs/pose/hrnetv2_w18_panoptic-hand2d-256x256_dark.py
mim test mmpose configs/pose/hrnetv2_w18_panoptic-hand2d-256x256_dark.py \
    --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/hands.py',
    '../_base_/widths/w18.py',
    '../_base_/codecs/256x256_dark.py',
    '../_base_/datasets/panoptic_hands.py',
    '../_base_/schedules/adam_210e.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    head=dict(
        in_channels=15 * _base_.C,
        conv_out_channels=(15 * _base_.C,),
        decoder=_base_.codec,
    ),
)
train_dataloader = dict(dataset=dict(pipeline=[*_base_.augment, *_base_.encode]))
val_dataloader = dict(dataset=dict(pipeline=[*_base_.prepare, *_base_.crop]))
test_dataloader = val_dataloader
