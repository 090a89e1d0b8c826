"""Cascade Mask R-CNN on HRNetV2p, W32, COCO, 20 epochs.

Box AP 44.3, mask AP 38.6 on val2017 (MMDetection; HRNet-Object-Detection: 44.5, 38.5).
82,851,262 parameters, 258.23 G MACs (2^30) at 800x1216, 500 boxes.

    mim train mmdet configs/det/cascade-mask-rcnn_hrnetv2p_w32_coco-20e.py
    mim test mmdet configs/det/cascade-mask-rcnn_hrnetv2p_w32_coco-20e.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/det/cascade_mask_rcnn.py',
    '../_base_/datasets/coco_masks.py',
    '../_base_/schedules/coco_20e.py',
]

C = 32  # the streams have C, 2C, 4C and 8C channels

model = dict(
    backbone=dict(
        arch=f'w{C}',
        init_cfg=dict(type='hrnet_mm.Pretrained', checkpoint=f'hrnet://w{C}/imagenet'),
    ),
    neck=dict(in_channels=[C, 2 * C, 4 * C, 8 * C]),
)
