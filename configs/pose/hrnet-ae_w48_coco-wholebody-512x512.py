"""HRNet-W48 with associative embedding, bottom-up, 133 keypoints of whole bodies, COCO-WholeBody, 512.

The published weights were trained on COCO before COCO-WholeBody.

mim train mmpose configs/pose/hrnet-ae_w48_coco-wholebody-512x512.py
mim test mmpose configs/pose/hrnet-ae_w48_coco-wholebody-512x512.py \
    --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/bottomup.py',
    '../_base_/widths/w48.py',
    '../_base_/datasets/wholebody_512_one.py',
    '../_base_/schedules/adam_300e.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet_pose),
    head=dict(
        in_channels=_base_.C,
        num_keypoints=133,
        deconv_channels=(),
        decoder=_base_.codec,
    ),
)
# as in MMPose 0.x: 8 GPUs with 16 images each
train_dataloader = dict(batch_size=16)
auto_scale_lr = dict(base_batch_size=128)
default_hooks = dict(checkpoint=dict(save_best='coco-wholebody/AP'))
