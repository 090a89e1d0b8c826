"""Panoptic-DeepLab on HRNet-W48, COCO panoptic, with depthwise separable convolutions.

mim train mmdet configs/det/panoptic-deeplab_w48_coco-640x640.py
mim test mmdet configs/det/panoptic-deeplab_w48_coco-640x640.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/det/panoptic_deeplab.py',
    '../_base_/widths/w48.py',
    '../_base_/datasets/coco_panoptic_640.py',
    '../_base_/schedules/panoptic_deeplab_coco.py',
]

model = dict(
    _base_.things_and_stuff,
    data_preprocessor=dict(pad_size_divisor=640),  # what pool_size stands for
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    semantic_head=dict(in_channels=_base_.widths, pool_size=(20, 20), hard_share=1.0),
    instance_head=dict(in_channels=_base_.widths, pool_size=(20, 20)),
    test_cfg=dict(kernel=41, stuff_area=4096),
)
