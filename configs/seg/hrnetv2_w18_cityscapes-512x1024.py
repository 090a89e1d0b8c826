"""HRNetV2, W18, Cityscapes.

mIoU 78.80 on val, 80.74 with 6 scales and mirrored (MMSegmentation, 160k steps).
9,640,849 parameters, 137.28 G MACs (2^30) at 1024x2048.

    mim train mmseg configs/seg/hrnetv2_w18_cityscapes-512x1024.py
    mim test mmseg configs/seg/hrnetv2_w18_cityscapes-512x1024.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/seg/hrnetv2_mmseg.py',
    '../_base_/datasets/cityscapes_photometric.py',
    '../_base_/schedules/cityscapes_430e.py',
]

C = 18  # the streams have C, 2C, 4C and 8C channels

model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(
        arch=f'w{C}',
        init_cfg=dict(type='hrnet_mm.Pretrained', checkpoint='hrnet://w18/imagenet'),
    ),
    decode_head=dict(in_channels=15 * C, num_classes=_base_.num_classes),
)
