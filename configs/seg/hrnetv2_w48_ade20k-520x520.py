"""HRNetV2, W48, ADE20K.

mIoU 43.1 on val, 44.2 with 7 scales and mirrored (HRNet-Semantic-Segmentation, branch
HRNet-OCR); MMSegmentation: 42.02 at 512x512.
65,953,830 parameters, 92.73 G MACs (2^30) at 520x520.

    mim train mmseg configs/seg/hrnetv2_w48_ade20k-520x520.py
    mim test mmseg configs/seg/hrnetv2_w48_ade20k-520x520.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/seg/hrnetv2.py',
    '../_base_/datasets/ade20k.py',
    '../_base_/schedules/ade20k_120e.py',
]

C = 48  # the streams have C, 2C, 4C and 8C channels

model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(
        arch=f'w{C}',
        init_cfg=dict(type='hrnet_mm.Pretrained', checkpoint='hrnet://w48/imagenet'),
        upsample_cfg=dict(align_corners=True),
    ),
    neck=dict(align_corners=True),
    decode_head=dict(
        in_channels=15 * C,
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
