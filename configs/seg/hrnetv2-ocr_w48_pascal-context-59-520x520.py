"""HRNetV2 with OCR, W48, PASCAL-Context, 59 classes.

mim train mmseg configs/seg/hrnetv2-ocr_w48_pascal-context-59-520x520.py
mim test mmseg configs/seg/hrnetv2-ocr_w48_pascal-context-59-520x520.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/seg/ocr.py',
    '../_base_/widths/w48.py',
    '../_base_/datasets/pascal_context59.py',
    '../_base_/schedules/pascal_context_200e_heads.py',
]

crop_size = (520, 520)

model = dict(
    data_preprocessor=dict(size=crop_size),
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    decode_head=[
        dict(head, in_channels=15 * _base_.C, num_classes=_base_.num_classes)
        for head in _base_.heads
    ],
)
crop = dict(type='RandomCrop', crop_size=crop_size)
pipeline = [
    crop if step.type == 'RandomCrop' else step for step in _base_.train_pipeline
]
train_dataloader = dict(dataset=dict(pipeline=pipeline))
