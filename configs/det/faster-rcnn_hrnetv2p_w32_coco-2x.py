"""Faster R-CNN on HRNetV2p, W32, COCO, 2x.

Box AP 41.4 on val2017 (MMDetection).
47,279,712 parameters, 245.36 G MACs (2^30) at 800x1216, 500 boxes.

    mim train mmdet configs/det/faster-rcnn_hrnetv2p_w32_coco-2x.py
    mim test mmdet configs/det/faster-rcnn_hrnetv2p_w32_coco-2x.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/det/faster_rcnn.py',
    '../_base_/datasets/coco_det.py',
    '../_base_/schedules/coco_2x.py',
]

C = 32  # the streams have C, 2C, 4C and 8C channels

model = dict(
    backbone=dict(
        arch=f'w{C}',
        init_cfg=dict(type='hrnet_mm.Pretrained', checkpoint=f'hrnet://w{C}/imagenet'),
    ),
    neck=dict(in_channels=[C, 2 * C, 4 * C, 8 * C]),
)
