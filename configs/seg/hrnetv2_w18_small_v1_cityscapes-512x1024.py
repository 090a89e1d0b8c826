"""HRNetV2, W18-small-v1, Cityscapes.

mIoU 70.3 on val (HRNet-Semantic-Segmentation).
1,540,819 parameters, 31.10 G MACs (2^30) at 1024x2048.

    mim train mmseg configs/seg/hrnetv2_w18_small_v1_cityscapes-512x1024.py
    mim test mmseg configs/seg/hrnetv2_w18_small_v1_cityscapes-512x1024.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/seg/hrnetv2.py',
    '../_base_/datasets/cityscapes.py',
    '../_base_/schedules/cityscapes_484e.py',
]

C = 16  # the streams have C, 2C, 4C and 8C channels

model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(
        arch='w18_small_v1',
        norm_cfg=dict(momentum=0.01),
        init_cfg=dict(
            type='hrnet_mm.Pretrained', checkpoint='hrnet://w18_small_v1/imagenet'
        ),
    ),
    decode_head=dict(
        in_channels=15 * C,
        num_classes=_base_.num_classes,
        norm_cfg=dict(momentum=0.01),
        loss_decode=dict(class_weight=_base_.class_weight),
    ),
)
