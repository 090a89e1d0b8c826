"""FCOS on HRNetV2p, W18, COCO, 1x.

Box AP 35.3 on val2017 (MMDetection).
17,500,654 parameters, 167.02 G MACs (2^30) at 800x1216.

    mim train mmdet configs/det/fcos_hrnetv2p_w18_coco-1x.py
    mim test mmdet configs/det/fcos_hrnetv2p_w18_coco-1x.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/det/fcos.py',
    '../_base_/datasets/coco_det_fcos.py',
    '../_base_/schedules/fcos_1x.py',
]

C = 18  # the streams have C, 2C, 4C and 8C channels

model = dict(
    backbone=dict(
        arch=f'w{C}',
        init_cfg=dict(type='hrnet_mm.Pretrained', checkpoint=f'hrnet://w{C}/imagenet'),
    ),
    neck=dict(in_channels=[C, 2 * C, 4 * C, 8 * C]),
)
