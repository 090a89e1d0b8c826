"""HigherHRNet-W32, bottom-up human pose, CrowdPose, 512.

AP 65.5 on test with mirror images, 66.1 at three scales (MMPose 0.x).
28,641,962 parameters, 42.97 G MACs (2^30).

    mim train mmpose configs/pose/higher-hrnet_w32_crowdpose-512x512.py
    mim test mmpose configs/pose/higher-hrnet_w32_crowdpose-512x512.py \
        --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/bottomup.py',
    '../_base_/datasets/crowdpose.py',
    '../_base_/schedules/adam_300e.py',
]

C = 32  # the streams have C, 2C, 4C and 8C channels

model = dict(
    backbone=dict(
        arch=f'w{C}',
        init_cfg=dict(
            type='hrnet_mm.Pretrained', checkpoint=f'hrnet://w{C}/imagenet-pose'
        ),
    ),
    head=dict(
        in_channels=C, num_keypoints=14, deconv_channels=(C,), decoder=_base_.codec
    ),
)
train_dataloader = dict(batch_size=24)  # 8 GPUs make the base batch of 192
default_hooks = dict(checkpoint=dict(save_best='crowdpose/AP'))
