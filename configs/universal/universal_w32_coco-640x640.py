"""One HRNet-W32 for objects, joints and segments of COCO: Mask R-CNN, HigherHRNet, Panoptic-DeepLab.

mim train mmdet configs/universal/universal_w32_coco-640x640.py
mim test mmdet configs/universal/universal_w32_coco-640x640.py --checkpoint CHECKPOINT
"""

_base_ = [
    '../_base_/universal.py',
    '../_base_/widths/w32.py',
    '../_base_/datasets/coco_universal.py',
    '../_base_/schedules/adam_140e.py',
]

from hrnet_mm.universal import read_task

objects = read_task('{{ fileDirname }}/../det/mask-rcnn_hrnetv2p_w32_coco-2x.py')
joints = read_task('{{ fileDirname }}/../pose/higher-hrnet_w32_coco-640x640.py')
segments = read_task('{{ fileDirname }}/../det/panoptic-deeplab_w32_coco-640x640.py')
any_size = dict(pool_size=None)  # tests pad each image to its own size

model = dict(
    backbone=dict(arch=_base_.arch, init_cfg=_base_.imagenet),
    tasks=dict(
        objects=objects,
        joints=joints,
        segments=dict(
            segments,
            semantic_head=dict(segments['semantic_head'], **any_size),
            instance_head=dict(segments['instance_head'], **any_size),
        ),
    ),
    # heatmap losses are much smaller than the others
    loss_weights=dict(joints=100.0),
)
train_dataloader = dict(batch_size=4)  # base batch of 32 on 8 GPUs
auto_scale_lr = dict(base_batch_size=32)
default_hooks = dict(
    checkpoint=dict(save_best='segments/coco_panoptic/PQ', rule='greater')
)
