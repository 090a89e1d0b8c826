"""HRNetV2 with OCR, W48, Cityscapes, trained on train and val.

`mim test` evaluates on val, which is training data here; the test server takes predictions.

mim train mmseg configs/seg/hrnetv2-ocr_w48_cityscapes-512x1024_trainval.py
mim test mmseg configs/seg/hrnetv2-ocr_w48_cityscapes-512x1024_trainval.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/seg/ocr.py',
    '../_base_/widths/w48.py',
    '../_base_/datasets/cityscapes_trainval.py',
    '../_base_/schedules/cityscapes_484e.py',
]

model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    decode_head=[
        dict(
            head,
            in_channels=15 * _base_.C,
            num_classes=_base_.num_classes,
            loss_decode=dict(head.loss_decode, class_weight=_base_.class_weight),
        )
        for head in _base_.heads
    ],
)
