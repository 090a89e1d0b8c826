"""DEKR with HRNet-W48, bottom-up human pose, CrowdPose, 640.

mim train mmpose configs/pose/dekr_w48_crowdpose-640x640.py
mim test mmpose configs/pose/dekr_w48_crowdpose-640x640.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/dekr.py',
    '../_base_/widths/w48.py',
    '../_base_/datasets/crowdpose_dekr_640.py',
    '../_base_/schedules/adam_300e.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet_pose),
    head=dict(
        in_channels=sum(_base_.widths),
        num_keypoints=14,
        num_heatmap_filters=_base_.C,
        displacement_loss=dict(loss_weight=0.004),
        rescore_cfg=_base_.rescore,
        decoder=_base_.codec,
    ),
)
train_cfg = dict(val_interval=20)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
auto_scale_lr = dict(base_batch_size=40)
default_hooks = dict(checkpoint=dict(save_best='crowdpose/AP'))
