"""RetinaNet on HRNetV2p, W18-small-v1, faces of TinyPeople: from scratch in minutes on two CPU cores.

hrnet-mm tiny-people
mim train mmdet configs/det/retinanet_hrnetv2p_w18_small_v1_tiny-faces.py
"""

_base_ = [
    '../_base_/det/retinanet.py',
    '../_base_/det/small.py',
    '../_base_/datasets/tiny_faces.py',
    '../_base_/schedules/tiny_det.py',
]

model = dict(
    backbone=_base_.small.backbone,
    neck=_base_.small.neck,
    bbox_head=dict(
        in_channels=_base_.channels,
        feat_channels=_base_.channels,
        stacked_convs=1,
    ),
)
default_hooks = dict(logger=dict(interval=10), visualization=dict(interval=5))
