"""HRNetV2, W48, ADE20K.

mim train mmseg configs/seg/hrnetv2_w48_ade20k-520x520.py
mim test mmseg configs/seg/hrnetv2_w48_ade20k-520x520.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/seg/hrnetv2.py',
    '../_base_/widths/w48.py',
    '../_base_/datasets/ade20k.py',
    '../_base_/schedules/ade20k_120e.py',
]

model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(
        arch=_base_.arch,
        init_cfg=_base_.imagenet,
        upsample_cfg=dict(align_corners=True),
    ),
    neck=dict(align_corners=True),
    decode_head=dict(
        in_channels=15 * _base_.C,
        num_classes=_base_.num_classes,
        align_corners=True,
        loss_decode=dict(type='hrnet_mm.OhemCrossEntropyLoss'),
    ),
)
resize = dict(_base_.resize, ratio_range=(0.5, 1.6))
pipeline = [
    resize if step.type == 'RandomResize' else step for step in _base_.train_pipeline
]
train_dataloader = dict(dataset=dict(pipeline=pipeline))
