"""HRNetV2-W18, 68 face landmarks, COCO-WholeBody, 256x256.

mim train mmpose configs/pose/hrnetv2_w18_coco-wholebody-face-256x256.py
mim test mmpose configs/pose/hrnetv2_w18_coco-wholebody-face-256x256.py \
    --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/landmarks.py',
    '../_base_/widths/w18.py',
    '../_base_/datasets/wholebody_faces.py',
    '../_base_/schedules/adam_60e.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    head=dict(
        in_channels=15 * _base_.C,
        conv_out_channels=(15 * _base_.C,),
        out_channels=68,
        decoder=_base_.codec,
    ),
)
param_scheduler = [
    _base_.warm_up,
    dict(_base_.steps, end=210),  # as in MMPose: has no effect, training ends at 60
]
auto_scale_lr = dict(base_batch_size=256)
