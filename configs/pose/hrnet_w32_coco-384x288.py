"""HRNet-W32, human pose, COCO, 384x288.

AP 76.0, AR 81.0 on val2017 with the 56.4 AP detector (MMPose 1.x; official: AP 75.8).
28,536,113 parameters, 16.02 G MACs (2^30).

    mim train mmpose configs/pose/hrnet_w32_coco-384x288.py
    mim test mmpose configs/pose/hrnet_w32_coco-384x288.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/topdown.py',
    '../_base_/datasets/coco_pose_384x288.py',
    '../_base_/schedules/adam_210e.py',
]

C = 32  # the streams have C, 2C, 4C and 8C channels

model = dict(
    backbone=dict(
        arch=f'w{C}',
        init_cfg=dict(
            type='hrnet_mm.Pretrained', checkpoint=f'hrnet://w{C}/imagenet-pose'
        ),
    ),
    head=dict(in_channels=C, out_channels=17, decoder=_base_.codec),
)
train_dataloader = dict(batch_size=64)  # 8 GPUs make the base batch of 512
