"""Panoptic FPN on HRNetV2p, W18-small-v1, TinyPeople: from scratch in minutes on two CPU cores.

hrnet-mm tiny-people
mim train mmdet configs/det/panoptic-fpn_hrnetv2p_w18_small_v1_tiny-panoptic.py
"""

_base_ = [
    '../_base_/det/panoptic_fpn.py',
    '../_base_/det/small.py',
    '../_base_/datasets/tiny_panoptic.py',
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
    semantic_head=dict(
        _base_.things_and_stuff, in_channels=_base_.channels, inner_channels=64
    ),
    panoptic_fusion_head=_base_.things_and_stuff,
    test_cfg=dict(_base_.small.test_cfg, panoptic=dict(stuff_area_limit=64)),
)

default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(save_best='coco_panoptic/PQ_th'),
    visualization=dict(interval=5),
)
