"""HRNetV2 with OCR, W48, Cityscapes, trained on train and val.

mIoU 82.3 on the test server, 6 scales and mirrored (HRNet-Semantic-Segmentation, branch
HRNet-OCR).
70,372,678 parameters, 1206.37 G MACs (2^30) at 1024x2048.
`mim test` scores val, which it was trained on; the server takes predictions.

    mim train mmseg configs/seg/hrnetv2-ocr_w48_cityscapes-512x1024_trainval.py
    mim test mmseg configs/seg/hrnetv2-ocr_w48_cityscapes-512x1024_trainval.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/seg/ocr.py',
    '../_base_/datasets/cityscapes_trainval.py',
    '../_base_/schedules/cityscapes_484e.py',
]

C = 48  # the streams have C, 2C, 4C and 8C channels

model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(
        arch=f'w{C}',
        init_cfg=dict(type='hrnet_mm.Pretrained', checkpoint='hrnet://w48/imagenet'),
    ),
    decode_head=[
        dict(
            head,
            in_channels=15 * C,
            num_classes=_base_.num_classes,
            loss_decode=dict(head.loss_decode, class_weight=_base_.class_weight),
        )
        for head in _base_.heads
    ],
)
