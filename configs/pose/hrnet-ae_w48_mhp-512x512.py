"""HRNet-W48 with associative embedding, bottom-up human pose, MHP v2, 512.

mim train mmpose configs/pose/hrnet-ae_w48_mhp-512x512.py
mim test mmpose configs/pose/hrnet-ae_w48_mhp-512x512.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/bottomup.py',
    '../_base_/widths/w48.py',
    '../_base_/datasets/mhp_bottomup.py',
    '../_base_/schedules/adam_300e.py',
]

epochs = 600

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet_pose),
    head=dict(
        in_channels=_base_.C, num_keypoints=16, deconv_channels=(), decoder=_base_.codec
    ),
)
# as in MMPose 0.x: 8 GPUs with 16 images each
train_dataloader = dict(batch_size=16)
train_cfg = dict(max_epochs=epochs)
optim_wrapper = dict(optimizer=dict(lr=5e-3))
steps = dict(_base_.steps, end=epochs, milestones=[400, 550])
param_scheduler = [_base_.warm_up, steps]
auto_scale_lr = dict(base_batch_size=128)
