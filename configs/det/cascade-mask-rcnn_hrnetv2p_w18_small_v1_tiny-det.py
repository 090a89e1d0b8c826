"""Cascade Mask R-CNN on HRNetV2p, W18-small-v1, TinyPeople: from scratch in minutes on two CPU cores.

As mask-rcnn_hrnetv2p_w18_small_v1_tiny-det.py, with three stages.

hrnet-mm tiny-people
mim train mmdet configs/det/cascade-mask-rcnn_hrnetv2p_w18_small_v1_tiny-det.py
"""

_base_ = [
    '../_base_/det/cascade_mask_rcnn.py',
    '../_base_/det/small.py',
    '../_base_/datasets/tiny_masks.py',
    '../_base_/schedules/tiny_det.py',
]

model = dict(
    _base_.small,
    roi_head=dict(
        bbox_roi_extractor=_base_.small_rois,
        bbox_head=[dict(head, **_base_.small_box_head) for head in _base_.box_heads],
        mask_roi_extractor=_base_.small_rois,
        mask_head=_base_.small_mask_head,
    ),
)

default_hooks = dict(logger=dict(interval=10), visualization=dict(interval=5))
