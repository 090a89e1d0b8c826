"""HRNetV2 with a depth head, W48, KITTI.

mim train mmseg configs/seg/hrnetv2-depth_w48_kitti-352x704.py
mim test mmseg configs/seg/hrnetv2-depth_w48_kitti-352x704.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/seg/depth.py',
    '../_base_/widths/w48.py',
    '../_base_/datasets/kitti_depth.py',
    '../_base_/schedules/depth_50e.py',
]

model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    decode_head=dict(in_channels=15 * _base_.C, max_depth=_base_.max_depth),
)
