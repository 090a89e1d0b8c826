"""Mask R-CNN on HRNetV2p, W18-small-v1, TinyPeople: from scratch in minutes on two CPU cores.

hrnet-mm tiny-people
mim train mmdet configs/det/mask-rcnn_hrnetv2p_w18_small_v1_tiny-det.py
"""

_base_ = [
    '../_base_/det/mask_rcnn.py',
    '../_base_/det/small.py',
    '../_base_/datasets/tiny_masks.py',
    '../_base_/schedules/tiny_det.py',
]

model = dict(
    _base_.small,
    roi_head=dict(
        bbox_roi_extractor=_base_.small_rois,
        bbox_head=_base_.small_box_head,
        mask_roi_extractor=_base_.small_rois,
        mask_head=_base_.small_mask_head,
    ),
)

default_hooks = dict(logger=dict(interval=10), visualization=dict(interval=5))
