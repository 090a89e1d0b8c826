"""HigherHRNet-W32, bottom-up human pose, CrowdPose, 512.

mim train mmpose configs/pose/higher-hrnet_w32_crowdpose-512x512.py
mim test mmpose configs/pose/higher-hrnet_w32_crowdpose-512x512.py \
    --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/bottomup.py',
    '../_base_/widths/w32.py',
    '../_base_/datasets/crowdpose_512.py',
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
train_dataloader = dict(batch_size=24)  # base batch of 192 on 8 GPUs
default_hooks = dict(checkpoint=dict(save_best='crowdpose/AP'))
