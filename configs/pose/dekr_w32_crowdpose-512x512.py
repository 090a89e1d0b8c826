"""DEKR with HRNet-W32, bottom-up human pose, CrowdPose, 512.

mim train mmpose configs/pose/dekr_w32_crowdpose-512x512.py
mim test mmpose configs/pose/dekr_w32_crowdpose-512x512.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/dekr.py',
    '../_base_/widths/w32.py',
    '../_base_/datasets/crowdpose_dekr_512.py',
    '../_base_/schedules/adam_300e.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet_pose),
    head=dict(
        in_channels=sum(_base_.widths),
        num_keypoints=14,
        displacement_loss=dict(loss_weight=0.004),
        rescore_cfg=_base_.rescore,
        decoder=_base_.codec,
    ),
)
train_cfg = dict(val_interval=20)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
auto_scale_lr = dict(base_batch_size=80)
default_hooks = dict(checkpoint=dict(save_best='crowdpose/AP'))
