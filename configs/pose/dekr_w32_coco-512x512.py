"""DEKR with HRNet-W32, bottom-up human pose, COCO, 512.

mim train mmpose configs/pose/dekr_w32_coco-512x512.py
mim test mmpose configs/pose/dekr_w32_coco-512x512.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/dekr.py',
    '../_base_/widths/w32.py',
    '../_base_/datasets/coco_dekr_512.py',
    '../_base_/schedules/adam_140e.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet_pose),
    head=dict(
        in_channels=sum(_base_.widths),
        num_keypoints=17,
        rescore_cfg=_base_.rescore,
        decoder=_base_.codec,
    ),
)
