"""HRNetV2 with OCR, W48, COCO-Stuff 10K.

mim train mmseg configs/seg/hrnetv2-ocr_w48_coco-stuff10k-520x520.py
mim test mmseg configs/seg/hrnetv2-ocr_w48_coco-stuff10k-520x520.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/seg/ocr.py',
    '../_base_/widths/w48.py',
    '../_base_/datasets/coco_stuff10k.py',
    '../_base_/schedules/coco_stuff_110e.py',
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
