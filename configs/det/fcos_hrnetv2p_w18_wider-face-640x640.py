"""FCOS on HRNetV2p, W18, WIDER FACE, crops of 640x640.

The pyramid starts at 1/4. Faces that are too small or invalid are background, as FCOS
cannot ignore them.

mim train mmdet configs/det/fcos_hrnetv2p_w18_wider-face-640x640.py
mim test mmdet configs/det/fcos_hrnetv2p_w18_wider-face-640x640.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/det/fcos_faces.py',
    '../_base_/widths/w18.py',
    '../_base_/datasets/wider_face.py',
    '../_base_/schedules/wider_face_630e.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    neck=dict(in_channels=_base_.widths),
)
default_hooks = dict(checkpoint=dict(save_best='wider_face/hard'))
