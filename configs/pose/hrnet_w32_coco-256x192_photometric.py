"""HRNet-W32, human pose, COCO, 256x192, photometric distortions: from weights of COCO.

mim train mmpose configs/pose/hrnet_w32_coco-256x192_photometric.py
mim test mmpose configs/pose/hrnet_w32_coco-256x192_photometric.py \
    --checkpoint CHECKPOINT
"""

_base_ = ['hrnet_w32_coco-256x192.py']

model = dict(backbone=dict(init_cfg=dict(checkpoint='hrnet://hrnet_w32_coco-256x192')))
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            *_base_.augment,
            _base_.affine,
            dict(type='PhotometricDistortion'),
            _base_.encode[-1],
        ]
    )
)
