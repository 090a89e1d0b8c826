"""HRNetV2, W48, Look Into Person.

mIoU 56.04 on val, mirrored (HRNet-Semantic-Segmentation, branch master).
65,860,100 parameters, 75.98 G MACs (2^30) at 473x473.
Published as 74.3: those of 19 classes at 468x468 (74.29).

    mim train mmseg configs/seg/hrnetv2_w48_lip-473x473.py
    mim test mmseg configs/seg/hrnetv2_w48_lip-473x473.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/seg/hrnetv2.py',
    '../_base_/datasets/lip.py',
    '../_base_/schedules/lip_150e.py',
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
        in_channels=15 * C, num_classes=_base_.num_classes, norm_cfg=dict(momentum=0.01)
    ),
)
