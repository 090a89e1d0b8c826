"""HigherHRNet-W48, bottom-up human pose, CrowdPose, 640: the official recipe.

AP 65.9 on test with mirror images, 67.6 at several scales (official).
63,822,090 parameters, 139.07 G MACs (2^30).

    mim train mmpose configs/pose/higher-hrnet_w48_crowdpose-640x640.py
    mim test mmpose configs/pose/higher-hrnet_w48_crowdpose-640x640.py \
        --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/bottomup.py',
    '../_base_/datasets/crowdpose_640.py',
    '../_base_/schedules/adam_300e.py',
]

C = 48  # the streams have C, 2C, 4C and 8C channels

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
# 4 GPUs of 10 images each, as on COCO; no warm-up
train_dataloader = dict(batch_size=10)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [_base_.param_scheduler[1]]
auto_scale_lr = dict(base_batch_size=40)
default_hooks = dict(checkpoint=dict(save_best='crowdpose/AP'))
