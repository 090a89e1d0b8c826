"""HRNetV2 with OCR, W48, Look Into Person.

mIoU 56.48 on val, mirrored (HRNet-Semantic-Segmentation, branch HRNet-OCR).
70,373,912 parameters, 131.12 G MACs (2^30) at 473x473.

    mim train mmseg configs/seg/hrnetv2-ocr_w48_lip-473x473.py
    mim test mmseg configs/seg/hrnetv2-ocr_w48_lip-473x473.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/seg/ocr.py',
    '../_base_/datasets/lip.py',
    '../_base_/schedules/lip_150e.py',
]

C = 48  # the streams have C, 2C, 4C and 8C channels

model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(
        arch=f'w{C}',
        init_cfg=dict(type='hrnet_mm.Pretrained', checkpoint='hrnet://w48/imagenet'),
    ),
    decode_head=[
        dict(head, in_channels=15 * C, num_classes=_base_.num_classes)
        for head in _base_.heads
    ],
)
