"""Faster R-CNN on HRNetV2p, W18, COCO, 1x, SyncBN, images of three sizes.

mim train mmdet configs/det/faster-rcnn_hrnetv2p_w18_coco-1x_syncbn-scales.py
mim test mmdet configs/det/faster-rcnn_hrnetv2p_w18_coco-1x_syncbn-scales.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/det/faster_rcnn_syncbn.py',
    '../_base_/widths/w18.py',
    '../_base_/datasets/coco_det_scales.py',
    '../_base_/schedules/coco_official_1x.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    neck=dict(in_channels=_base_.widths),
)
