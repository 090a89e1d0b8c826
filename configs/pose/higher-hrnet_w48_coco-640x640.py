"""HigherHRNet-W48, bottom-up human pose, COCO, 640: the official recipe.

mim train mmpose configs/pose/higher-hrnet_w48_coco-640x640.py
mim test mmpose configs/pose/higher-hrnet_w48_coco-640x640.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/bottomup.py',
    '../_base_/widths/w48.py',
    '../_base_/datasets/coco_bottomup_640.py',
    '../_base_/schedules/adam_300e.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet_pose),
    head=dict(
        in_channels=_base_.C,
        num_keypoints=17,
        deconv_channels=(_base_.C,),
        decoder=_base_.codec,
    ),
)
# from the official README: 4 GPUs with 10 images each, no warm-up
train_dataloader = dict(batch_size=10)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [_base_.steps]
auto_scale_lr = dict(base_batch_size=40)
