"""HRNetV2 with OCR, W48, ADE20K.

mIoU 44.5 on val, 45.5 with 7 scales and mirrored (HRNet-Semantic-Segmentation, branch
HRNet-OCR).
70,534,332 parameters, 159.62 G MACs (2^30) at 520x520.

    mim train mmseg configs/seg/hrnetv2-ocr_w48_ade20k-520x520.py
    mim test mmseg configs/seg/hrnetv2-ocr_w48_ade20k-520x520.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/seg/ocr.py',
    '../_base_/datasets/ade20k.py',
    '../_base_/schedules/ade20k_120e.py',
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
model['decode_head'][-1]['loss_decode'] = dict(type='hrnet_mm.OhemCrossEntropyLoss')
