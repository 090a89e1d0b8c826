"""HRNet-W32 with associative embedding, bottom-up human pose, COCO, 512.

The baseline of HigherHRNet: one resolution, 1/4. AP 65.6 on val2017 with mirror images
(MMPose 1.x, which cannot train it). 28,536,674 parameters, 37.98 G MACs (2^30).

    mim train mmpose configs/pose/hrnet-ae_w32_coco-512x512.py
    mim test mmpose configs/pose/hrnet-ae_w32_coco-512x512.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/bottomup.py',
    '../_base_/datasets/coco_bottomup_512_one.py',
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
        in_channels=C, num_keypoints=17, deconv_channels=(), decoder=_base_.codec
    ),
)
train_dataloader = dict(batch_size=24)  # 8 GPUs make the base batch of 192
