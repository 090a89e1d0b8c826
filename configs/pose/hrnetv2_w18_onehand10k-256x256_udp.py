"""HRNetV2-W18, hand pose, OneHand10K, 256x256, UDP.

mim train mmpose configs/pose/hrnetv2_w18_onehand10k-256x256_udp.py
mim test mmpose configs/pose/hrnetv2_w18_onehand10k-256x256_udp.py \
    --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/hands.py',
    '../_base_/widths/w18.py',
    '../_base_/codecs/256x256_udp.py',
    '../_base_/datasets/onehand10k_hands.py',
    '../_base_/schedules/adam_210e.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    head=dict(
        in_channels=15 * _base_.C,
        conv_out_channels=(15 * _base_.C,),
        decoder=_base_.codec,
    ),
    test_cfg=dict(shift_heatmap=False),
)
train_dataloader = dict(dataset=dict(pipeline=[*_base_.augment, *_base_.encode]))
val_dataloader = dict(dataset=dict(pipeline=[*_base_.prepare, *_base_.crop]))
test_dataloader = val_dataloader
