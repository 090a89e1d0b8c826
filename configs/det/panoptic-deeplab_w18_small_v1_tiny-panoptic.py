"""Panoptic-DeepLab on HRNet-W18-small-v1, TinyPeople: from scratch in minutes on two CPU cores.

hrnet-mm tiny-people
mim train mmdet configs/det/panoptic-deeplab_w18_small_v1_tiny-panoptic.py
"""

_base_ = [
    '../_base_/det/panoptic_deeplab.py',
    '../_base_/widths/w18_small_v1.py',
    '../_base_/datasets/tiny_panoptic_deeplab.py',
    '../_base_/schedules/tiny.py',
]

model = dict(
    _base_.things_and_stuff,
    backbone=dict(arch=_base_.arch),
    semantic_head=dict(in_channels=_base_.widths, channels=64, aspp_channels=64),
    instance_head=dict(in_channels=_base_.widths, channels=64, aspp_channels=64),
    test_cfg=dict(stuff_area=64),
)

auto_scale_lr = dict(enable=False, base_batch_size=4)
default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(save_best='coco_panoptic/PQ_th'),
    visualization=dict(interval=5),
)
