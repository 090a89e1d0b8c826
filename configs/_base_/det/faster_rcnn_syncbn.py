"""Faster R-CNN with synchronized batch norms in the trunk."""

_base_ = ['faster_rcnn.py']

model = dict(
    backbone=dict(
        norm_cfg=dict(type='SyncBN'),
        norm_eval=False,  # True would disable the synchronization
    )
)
