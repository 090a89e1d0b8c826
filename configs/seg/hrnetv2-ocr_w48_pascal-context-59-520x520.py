"""HRNetV2 with OCR, W48, PASCAL-Context, 59 classes.

mIoU 56.2 on val, 7 scales and mirrored (HRNet-Semantic-Segmentation, branch HRNet-OCR).
70,422,038 parameters, 157.82 G MACs (2^30) at 520x520.

    mim train mmseg configs/seg/hrnetv2-ocr_w48_pascal-context-59-520x520.py
    mim test mmseg configs/seg/hrnetv2-ocr_w48_pascal-context-59-520x520.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/seg/ocr.py',
    '../_base_/datasets/pascal_context59.py',
    '../_base_/schedules/pascal_context_200e_heads.py',
]

C = 48  # the streams have C, 2C, 4C and 8C channels
crop_size = (520, 520)

model = dict(
    data_preprocessor=dict(size=crop_size),
    backbone=dict(
        arch=f'w{C}',
        init_cfg=dict(type='hrnet_mm.Pretrained', checkpoint='hrnet://w48/imagenet'),
    ),
    decode_head=[
        dict(head, in_channels=15 * C, num_classes=_base_.num_classes)
        for head in _base_.heads
    ],
)
crop = dict(type='RandomCrop', crop_size=crop_size)
pipeline = [
    crop if step.type == 'RandomCrop' else step for step in _base_.train_pipeline
]
train_dataloader = dict(dataset=dict(pipeline=pipeline))
