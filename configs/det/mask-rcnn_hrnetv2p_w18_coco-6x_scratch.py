"""Mask R-CNN on HRNetV2p, W18, COCO, 6x, without ImageNet weights.

From scratch as in https://arxiv.org/abs/1811.08883: a longer schedule and trained norms
in all parts. SyncBN instead of group norm, because 18 channels have no 32 groups.

mim train mmdet configs/det/mask-rcnn_hrnetv2p_w18_coco-6x_scratch.py
"""

_base_ = [
    '../_base_/det/mask_rcnn.py',
    '../_base_/widths/w18.py',
    '../_base_/datasets/coco_masks.py',
    '../_base_/schedules/coco_6x.py',
]

norm_cfg = dict(type='SyncBN', requires_grad=True)  # BN if there is only one process

model = dict(
    backbone=dict(arch=_base_.arch, norm_cfg=norm_cfg, norm_eval=False),
    neck=dict(in_channels=_base_.widths, norm_cfg=norm_cfg),
    roi_head=dict(
        bbox_head=dict(
            type='Shared4Conv1FCBBoxHead', conv_out_channels=256, norm_cfg=norm_cfg
        ),
        mask_head=dict(norm_cfg=norm_cfg),
    ),
)
