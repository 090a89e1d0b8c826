"""Faster R-CNN whose trunk learns the statistics of its norms over all GPUs."""

_base_ = ['faster_rcnn.py']

model = dict(
    backbone=dict(
        norm_cfg=dict(type='SyncBN'),
        norm_eval=False,  # or nothing would be synchronised
    )
)
