"""CID with HRNet-W48, bottom-up human pose, COCO, 512.

mim train mmpose configs/pose/cid_w48_coco-512x512.py
mim test mmpose configs/pose/cid_w48_coco-512x512.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/cid.py',
    '../_base_/widths/w48.py',
    '../_base_/datasets/coco_cid_512.py',
    '../_base_/schedules/adam_140e.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet_pose),
    head=dict(
        in_channels=sum(_base_.widths),
        num_keypoints=17,
        gfd_channels=_base_.C,
        decoder=_base_.codec,
    ),
)
param_scheduler = [_base_.steps]  # no warm-up
auto_scale_lr = dict(base_batch_size=160)
