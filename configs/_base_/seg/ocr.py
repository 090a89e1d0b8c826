"""Segmentation with object-contextual representations on HRNetV2.

As in the official code: `align_corners` is True everywhere, and the loss of the first
head has a weight of 0.4.
"""

_base_ = ['hrnetv2.py']

heads = [
    dict(
        type='hrnet_mm.HRNetV2Head',
        bias=True,
        norm_cfg=_base_.norm_cfg,
        align_corners=True,
        loss_decode=dict(type='hrnet_mm.CrossEntropyLoss', loss_weight=0.4),
    ),
    dict(
        type='hrnet_mm.OCRHead',
        channels=512,
        ocr_channels=256,
        bias=True,
        dropout_ratio=0.05,
        norm_cfg=_base_.norm_cfg,
        align_corners=True,
        loss_decode=dict(type='hrnet_mm.CrossEntropyLoss'),
    ),
]
model = dict(
    type='hrnet_mm.OCRNet',
    num_stages=2,
    backbone=dict(upsample_cfg=dict(align_corners=True)),
    neck=dict(align_corners=True),
)
