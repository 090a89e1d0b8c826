"""HRNet-W48, 136 keypoints of whole bodies, Halpe, 384x288, DARK: from weights of COCO.

mim train mmpose configs/pose/hrnet_w48_halpe-384x288_dark.py
mim test mmpose configs/pose/hrnet_w48_halpe-384x288_dark.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/topdown.py',
    '../_base_/widths/w48.py',
    '../_base_/codecs/384x288_dark.py',
    '../_base_/datasets/halpe_pose.py',
    '../_base_/schedules/adam_210e.py',
]

codec = dict(_base_.codec, blur_kernel_size=17)  # as in MMPose 0.x

model = dict(
    backbone=dict(arch=_base_.arch),
    head=dict(in_channels=_base_.C, out_channels=136, decoder=codec),
)
train_dataloader = dict(dataset=dict(pipeline=[*_base_.augment, *_base_.encode]))
val_dataloader = dict(dataset=dict(pipeline=[*_base_.prepare, *_base_.crop]))
test_dataloader = val_dataloader
load_from = 'hrnet://hrnet_w48_coco-384x288_dark'
