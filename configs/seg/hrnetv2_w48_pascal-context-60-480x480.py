"""HRNetV2, W48, PASCAL-Context, 60 classes.

mim train mmseg configs/seg/hrnetv2_w48_pascal-context-60-480x480.py
mim test mmseg configs/seg/hrnetv2_w48_pascal-context-60-480x480.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/seg/hrnetv2.py',
    '../_base_/widths/w48.py',
    '../_base_/datasets/pascal_context.py',
    '../_base_/schedules/pascal_context_200e.py',
]

model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(
        arch=_base_.arch,
        init_cfg=_base_.imagenet,
        norm_cfg=dict(momentum=0.01),
    ),
    decode_head=dict(
        in_channels=15 * _base_.C,
        num_classes=_base_.num_classes,
        norm_cfg=dict(momentum=0.01),
    ),
)
