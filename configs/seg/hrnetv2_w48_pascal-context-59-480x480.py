"""HRNetV2, W48, PASCAL-Context, 59 classes.

mIoU 54.1 on val, 7 scales and mirrored (HRNet-Semantic-Segmentation, branch master).
65,888,219 parameters, 76.87 G MACs (2^30) at 480x480.
Published as 76.5: those of 19 classes (76.48).

    mim train mmseg configs/seg/hrnetv2_w48_pascal-context-59-480x480.py
    mim test mmseg configs/seg/hrnetv2_w48_pascal-context-59-480x480.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/seg/hrnetv2.py',
    '../_base_/datasets/pascal_context59.py',
    '../_base_/schedules/pascal_context_200e.py',
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
