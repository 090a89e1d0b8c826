"""HRNet-W32, human pose, COCO, 256x192, erased rectangles: from weights of COCO.

mim train mmpose configs/pose/hrnet_w32_coco-256x192_coarsedropout.py
mim test mmpose configs/pose/hrnet_w32_coco-256x192_coarsedropout.py \
    --checkpoint CHECKPOINT
"""

_base_ = ['hrnet_w32_coco-256x192.py']

# needs albumentations 1.3: MMPose's transform fails with 2
erase = dict(
    type='Albumentation',
    transforms=[
        dict(
            type='CoarseDropout',
            max_holes=8,
            max_height=40,
            max_width=40,
            min_holes=1,
            min_height=10,
            min_width=10,
            p=0.5,
        ),
    ],
)
model = dict(backbone=dict(init_cfg=dict(checkpoint='hrnet://hrnet_w32_coco-256x192')))
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            *_base_.augment,
            _base_.affine,
            erase,
            _base_.encode[-1],
        ]
    )
)
