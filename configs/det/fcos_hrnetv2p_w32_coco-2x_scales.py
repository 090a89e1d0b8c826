"""FCOS on HRNetV2p, W32, COCO, 2x, images of two sizes.

Box AP 41.9 on val2017 (MMDetection).
37,297,690 parameters, 253.29 G MACs (2^30) at 800x1216.

    mim train mmdet configs/det/fcos_hrnetv2p_w32_coco-2x_scales.py
    mim test mmdet configs/det/fcos_hrnetv2p_w32_coco-2x_scales.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/det/fcos.py',
    '../_base_/datasets/coco_det_fcos_scales.py',
    '../_base_/schedules/fcos_2x.py',
]

C = 32  # the streams have C, 2C, 4C and 8C channels

model = dict(
    backbone=dict(
        arch=f'w{C}',
        init_cfg=dict(type='hrnet_mm.Pretrained', checkpoint=f'hrnet://w{C}/imagenet'),
    ),
    neck=dict(in_channels=[C, 2 * C, 4 * C, 8 * C]),
)
