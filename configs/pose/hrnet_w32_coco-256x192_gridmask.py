"""HRNet-W32, human pose, COCO, 256x192, erased grids: from weights of COCO.

mim train mmpose configs/pose/hrnet_w32_coco-256x192_gridmask.py
mim test mmpose configs/pose/hrnet_w32_coco-256x192_gridmask.py --checkpoint CHECKPOINT
"""

_base_ = ['hrnet_w32_coco-256x192.py']

# needs albumentations 1.3: MMPose's transform fails with 2
erase = dict(
    type='Albumentation',
    transforms=[
        dict(
            type='GridDropout',
            unit_size_min=10,
            unit_size_max=40,
            random_offset=True,
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
