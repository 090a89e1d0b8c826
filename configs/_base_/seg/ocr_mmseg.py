"""OCR as in MMSegmentation: align_corners=False, no bias, no dropout."""

_base_ = ['ocr.py']

heads = [
    dict(
        head,
        align_corners=False,
        bias='auto',
        dropout_ratio=-1,
        loss_decode=dict(type='mmseg.CrossEntropyLoss', loss_weight=weight),
    )
    for head, weight in zip(_base_.heads, [0.4, 1.0], strict=True)
]
model = dict(
    backbone=dict(upsample_cfg=dict(align_corners=False)),
    neck=dict(align_corners=False),
)
