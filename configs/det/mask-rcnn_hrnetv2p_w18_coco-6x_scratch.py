"""Mask R-CNN on HRNetV2p, W18, COCO, 6x, without ImageNet weights.

As https://arxiv.org/abs/1811.08883 trains from scratch: a longer schedule, and norms that
learn, everywhere. Synchronised batch norms, as 32 groups do not divide 18 channels. There
is no published figure.
31,440,260 parameters, 212.43 G MACs (2^30) at 800x1216, 500 boxes.

    mim train mmdet configs/det/mask-rcnn_hrnetv2p_w18_coco-6x_scratch.py
"""

_base_ = [
    '../_base_/det/mask_rcnn.py',
    '../_base_/datasets/coco_masks.py',
    '../_base_/schedules/coco_6x.py',
]

C = 18  # the streams have C, 2C, 4C and 8C channels

norm_cfg = dict(type='SyncBN', requires_grad=True)  # BN where there is one process

model = dict(
    backbone=dict(arch=f'w{C}', norm_cfg=norm_cfg, norm_eval=False),
    neck=dict(in_channels=[C, 2 * C, 4 * C, 8 * C], norm_cfg=norm_cfg),
    roi_head=dict(
        bbox_head=dict(
            type='Shared4Conv1FCBBoxHead', conv_out_channels=256, norm_cfg=norm_cfg
        ),
        mask_head=dict(norm_cfg=norm_cfg),
    ),
)
