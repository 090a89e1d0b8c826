"""HRNet-W32, human pose in videos, PoseTrack18, 256x192: from weights of COCO.

mim train mmpose configs/pose/hrnet_w32_posetrack18-256x192.py
mim test mmpose configs/pose/hrnet_w32_posetrack18-256x192.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/topdown.py',
    '../_base_/widths/w32.py',
    '../_base_/codecs/256x192.py',
    '../_base_/datasets/posetrack18_pose.py',
    '../_base_/schedules/adam_20e.py',
]

model = dict(
    backbone=dict(arch=_base_.arch),
    head=dict(in_channels=_base_.C, out_channels=17, decoder=_base_.codec),
)
train_dataloader = dict(
    batch_size=64,  # base batch of 512 on 8 GPUs
    dataset=dict(pipeline=[*_base_.augment, *_base_.encode]),
)
val_dataloader = dict(dataset=dict(pipeline=[*_base_.prepare, *_base_.crop]))
test_dataloader = val_dataloader
default_hooks = dict(checkpoint=dict(save_best='posetrack18/AP', interval=1))
load_from = 'hrnet://hrnet_w32_coco-256x192'
