"""HRNetV2, W48, Cityscapes.

mIoU 81.1 on val (HRNet-Semantic-Segmentation, branch pytorch-v1.1); MMSegmentation: 80.65.
65,859,379 parameters, 696.18 G MACs (2^30) at 1024x2048.

    mim train mmseg configs/seg/hrnetv2_w48_cityscapes-512x1024.py
    mim test mmseg configs/seg/hrnetv2_w48_cityscapes-512x1024.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/seg/hrnetv2.py',
    '../_base_/datasets/cityscapes.py',
    '../_base_/schedules/cityscapes_484e.py',
]

C = 48  # the streams have C, 2C, 4C and 8C channels

model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(
        arch=f'w{C}',
        init_cfg=dict(type='hrnet_mm.Pretrained', checkpoint='hrnet://w48/imagenet'),
        norm_cfg=dict(momentum=0.01),
    ),
    decode_head=dict(
        in_channels=15 * C,
        num_classes=_base_.num_classes,
        norm_cfg=dict(momentum=0.01),
        loss_decode=dict(class_weight=_base_.class_weight),
    ),
)
