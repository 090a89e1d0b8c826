"""Mask R-CNN on HRNetV2p, W40, COCO, 2x.

Box AP 42.8, mask AP 38.2 on val2017 (MMDetection).
66,169,392 parameters, 314.90 G MACs (2^30) at 800x1216, 500 boxes.

    mim train mmdet configs/det/mask-rcnn_hrnetv2p_w40_coco-2x.py
    mim test mmdet configs/det/mask-rcnn_hrnetv2p_w40_coco-2x.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/det/mask_rcnn.py',
    '../_base_/datasets/coco_masks.py',
    '../_base_/schedules/coco_2x.py',
]

C = 40  # the streams have C, 2C, 4C and 8C channels

model = dict(
    backbone=dict(
        arch=f'w{C}',
        init_cfg=dict(type='hrnet_mm.Pretrained', checkpoint=f'hrnet://w{C}/imagenet'),
    ),
    neck=dict(in_channels=[C, 2 * C, 4 * C, 8 * C]),
)
