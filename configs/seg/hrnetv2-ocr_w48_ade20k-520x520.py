"""HRNetV2 with OCR, W48, ADE20K.

mim train mmseg configs/seg/hrnetv2-ocr_w48_ade20k-520x520.py
mim test mmseg configs/seg/hrnetv2-ocr_w48_ade20k-520x520.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/seg/ocr.py',
    '../_base_/widths/w48.py',
    '../_base_/datasets/ade20k.py',
    '../_base_/schedules/ade20k_120e.py',
]

coarse, fine = _base_.heads
hard_pixels = dict(loss_decode=dict(type='hrnet_mm.OhemCrossEntropyLoss'))

model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    decode_head=[
        dict(head, in_channels=15 * _base_.C, num_classes=_base_.num_classes)
        for head in (coarse, dict(fine, **hard_pixels))
    ],
)
