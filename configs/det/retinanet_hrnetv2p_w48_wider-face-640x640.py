"""RetinaNet on HRNetV2p, W48, WIDER FACE, crops of 640x640.

mim train mmdet configs/det/retinanet_hrnetv2p_w48_wider-face-640x640.py
mim test mmdet configs/det/retinanet_hrnetv2p_w48_wider-face-640x640.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/det/retinanet.py',
    '../_base_/widths/w48.py',
    '../_base_/datasets/wider_face.py',
    '../_base_/schedules/wider_face_630e.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    neck=dict(in_channels=_base_.widths),
)
default_hooks = dict(checkpoint=dict(save_best='wider_face/hard'))
