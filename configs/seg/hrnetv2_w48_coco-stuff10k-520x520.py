"""HRNetV2, W48, COCO-Stuff 10K.

mIoU 36.2 on val, 37.9 with 7 scales and mirrored (HRNet-Semantic-Segmentation, branch
HRNet-OCR).
65,968,971 parameters, 92.97 G MACs (2^30) at 520x520.

    mim train mmseg configs/seg/hrnetv2_w48_coco-stuff10k-520x520.py
    mim test mmseg configs/seg/hrnetv2_w48_coco-stuff10k-520x520.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/seg/hrnetv2.py',
    '../_base_/datasets/coco_stuff10k.py',
    '../_base_/schedules/coco_stuff_110e.py',
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
