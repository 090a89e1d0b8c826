"""HRNetV2 with OCR, W48, Look Into Person.

mim train mmseg configs/seg/hrnetv2-ocr_w48_lip-473x473.py
mim test mmseg configs/seg/hrnetv2-ocr_w48_lip-473x473.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/seg/ocr.py',
    '../_base_/widths/w48.py',
    '../_base_/datasets/lip.py',
    '../_base_/schedules/lip_150e.py',
]

model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    decode_head=[
        dict(head, in_channels=15 * _base_.C, num_classes=_base_.num_classes)
        for head in _base_.heads
    ],
)
