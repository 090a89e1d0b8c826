"""HRNet-W32, human pose, COCO, 256x192, UDP with offsets.

mim train mmpose configs/pose/hrnet_w32_coco-256x192_udp-regress.py
mim test mmpose configs/pose/hrnet_w32_coco-256x192_udp-regress.py \
    --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/pose/topdown.py',
    '../_base_/widths/w32.py',
    '../_base_/codecs/256x192_udp_regress.py',
    '../_base_/datasets/coco_pose.py',
    '../_base_/schedules/adam_210e.py',
]

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet_pose),
    head=dict(
        in_channels=_base_.C,
        out_channels=3 * 17,
        loss=dict(type='CombinedTargetMSELoss'),
        decoder=_base_.codec,
    ),
    train_cfg=dict(compute_acc=False),
    test_cfg=dict(flip_mode='udp_combined', shift_heatmap=False),
)
train_dataloader = dict(
    batch_size=64,  # base batch of 512 on 8 GPUs
    dataset=dict(pipeline=[*_base_.augment, *_base_.encode]),
)
val_dataloader = dict(dataset=dict(pipeline=[*_base_.prepare, *_base_.crop]))
test_dataloader = val_dataloader
