"""HigherHRNet-W32, bottom-up, 133 keypoints of whole bodies, COCO-WholeBody, 512.

The published weights were trained on COCO before COCO-WholeBody.

mim train mmpose configs/pose/higher-hrnet_w32_coco-wholebody-512x512.py
mim test mmpose configs/pose/higher-hrnet_w32_coco-wholebody-512x512.py \
    --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/bottomup.py',
    '../_base_/widths/w32.py',
    '../_base_/datasets/wholebody_512.py',
    '../_base_/schedules/adam_300e.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet_pose),
    head=dict(
        in_channels=_base_.C,
        num_keypoints=133,
        deconv_channels=(_base_.C,),
        decoder=_base_.codec,
    ),
)
train_dataloader = dict(batch_size=24)  # base batch of 192 on 8 GPUs
default_hooks = dict(checkpoint=dict(save_best='coco-wholebody/AP'))
