"""Faster R-CNN on HRNetV2p, W18-small-v1, TinyPeople: from scratch in minutes on two CPU cores.

As mask-rcnn_hrnetv2p_w18_small_v1_tiny-det.py, without masks.

hrnet-mm tiny-people
mim train mmdet configs/det/faster-rcnn_hrnetv2p_w18_small_v1_tiny-det.py
"""

_base_ = [
    '../_base_/det/faster_rcnn.py',
    '../_base_/det/small.py',
    '../_base_/datasets/tiny_det.py',
    '../_base_/schedules/tiny_det.py',
]

model = dict(
    _base_.small,
    roi_head=dict(
        bbox_roi_extractor=_base_.small_rois, bbox_head=_base_.small_box_head
    ),
)
default_hooks = dict(logger=dict(interval=10), visualization=dict(interval=5))
