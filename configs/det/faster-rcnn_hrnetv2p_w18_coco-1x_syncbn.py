"""Faster R-CNN on HRNetV2p, W18, COCO, 1x, batch norms over all GPUs.

Box AP 37.2 on val2017 (HRNet-Object-Detection).
27,482,676 parameters, 159.09 G MACs (2^30) at 800x1216, 500 boxes.

    mim train mmdet configs/det/faster-rcnn_hrnetv2p_w18_coco-1x_syncbn.py
    mim test mmdet configs/det/faster-rcnn_hrnetv2p_w18_coco-1x_syncbn.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/det/faster_rcnn_syncbn.py',
    '../_base_/datasets/coco_det.py',
    '../_base_/schedules/coco_official_1x.py',
]

C = 18  # the streams have C, 2C, 4C and 8C channels

model = dict(
    backbone=dict(
        arch=f'w{C}',
        init_cfg=dict(type='hrnet_mm.Pretrained', checkpoint=f'hrnet://w{C}/imagenet'),
    ),
    neck=dict(in_channels=[C, 2 * C, 4 * C, 8 * C]),
)
