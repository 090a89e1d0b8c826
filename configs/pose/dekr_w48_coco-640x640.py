"""DEKR with HRNet-W48, bottom-up human pose, COCO, 640.

mim train mmpose configs/pose/dekr_w48_coco-640x640.py
mim test mmpose configs/pose/dekr_w48_coco-640x640.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/dekr.py',
    '../_base_/widths/w48.py',
    '../_base_/datasets/coco_dekr_640.py',
    '../_base_/schedules/adam_140e.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet_pose),
    head=dict(
        in_channels=sum(_base_.widths),
        num_keypoints=17,
        num_heatmap_filters=_base_.C,
        rescore_cfg=_base_.rescore,
        decoder=_base_.codec,
    ),
)
