"""HRNetV2, W18-small-v2, Cityscapes.

mIoU 76.31 on val, 78.31 with 6 scales and mirrored (MMSegmentation, 160k steps);
HRNet-Semantic-Segmentation: 76.2.
3,939,309 parameters, 71.58 G MACs (2^30) at 1024x2048.

    mim train mmseg configs/seg/hrnetv2_w18_small_v2_cityscapes-512x1024.py
    mim test mmseg configs/seg/hrnetv2_w18_small_v2_cityscapes-512x1024.py --checkpoint CHECKPOINT
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
        arch='w18_small_v2',
        init_cfg=dict(
            type='hrnet_mm.Pretrained', checkpoint='hrnet://w18_small_v2/imagenet'
        ),
    ),
    decode_head=dict(in_channels=15 * C, num_classes=_base_.num_classes),
)
