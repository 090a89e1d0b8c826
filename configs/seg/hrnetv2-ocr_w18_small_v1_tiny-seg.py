"""HRNetV2 with OCR, W18-small-v1, TinyPeople's body parts: from scratch in minutes on two CPU cores.

hrnet-mm tiny-people
mim train mmseg configs/seg/hrnetv2-ocr_w18_small_v1_tiny-seg.py
"""

_base_ = [
    '../_base_/seg/ocr.py',
    '../_base_/widths/w18_small_v1.py',
    '../_base_/datasets/tiny_seg.py',
    '../_base_/schedules/tiny.py',
]

# From 5x6 to 40x48 pixels, align_corners=True would shift features by their position.
narrow = [
    dict(align_corners=False),
    dict(align_corners=False, channels=32, ocr_channels=16),
]
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(arch=_base_.arch, upsample_cfg=dict(align_corners=False)),
    neck=dict(align_corners=False),
    decode_head=[
        dict(head, in_channels=15 * _base_.C, num_classes=_base_.num_classes, **change)
        for head, change in zip(_base_.heads, narrow, strict=True)
    ],
)
auto_scale_lr = dict(enable=False, base_batch_size=4)

default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(interval=1),
    visualization=dict(interval=10),
)
