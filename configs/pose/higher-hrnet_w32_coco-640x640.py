"""HigherHRNet-W32, bottom-up human pose, COCO, 640.

AP 68.6 on val2017 with mirror images, 70.6 at three scales (MMPose 0.x; official: 68.5
and 70.6). 28,645,331 parameters, 67.23 G MACs (2^30).

    mim train mmpose configs/pose/higher-hrnet_w32_coco-640x640.py
    mim test mmpose configs/pose/higher-hrnet_w32_coco-640x640.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/bottomup.py',
    '../_base_/datasets/coco_bottomup_640.py',
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
        in_channels=C, num_keypoints=17, deconv_channels=(C,), decoder=_base_.codec
    ),
)
train_dataloader = dict(batch_size=16)  # 8 GPUs make the base batch of 128
auto_scale_lr = dict(base_batch_size=128)
