"""HigherHRNet-W48, bottom-up human pose, CrowdPose, 640: the official recipe.

mim train mmpose configs/pose/higher-hrnet_w48_crowdpose-640x640.py
mim test mmpose configs/pose/higher-hrnet_w48_crowdpose-640x640.py \
    --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/bottomup.py',
    '../_base_/widths/w48.py',
    '../_base_/datasets/crowdpose_640.py',
    '../_base_/schedules/adam_300e.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet_pose),
    head=dict(
        in_channels=_base_.C,
        num_keypoints=14,
        deconv_channels=(_base_.C,),
        decoder=_base_.codec,
    ),
)
# 4 GPUs with 10 images each, no warm-up, as for COCO
train_dataloader = dict(batch_size=10)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [_base_.steps]
auto_scale_lr = dict(base_batch_size=40)
default_hooks = dict(checkpoint=dict(save_best='crowdpose/AP'))
