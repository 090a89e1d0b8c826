"""One network for boxes, masks, joints, body parts and depth of TinyPeople: from scratch in minutes on two CPU cores.

hrnet-mm tiny-people
mim train mmdet configs/universal/universal_w18_small_v1_tiny.py
"""

_base_ = [
    '../_base_/universal.py',
    '../_base_/widths/w18_small_v1.py',
    '../_base_/datasets/tiny_universal.py',
    '../_base_/schedules/tiny.py',
]

from hrnet_mm.universal import read_task

epochs = 8

model = dict(
    backbone=dict(arch=_base_.arch),
    tasks=dict(
        objects=read_task(_base_.config_of.objects),
        joints=read_task(_base_.bottomup),
        parts=read_task(_base_.config_of.parts),
        depth=read_task(_base_.config_of.depth),
    ),
    loss_weights=dict(joints=100.0),
)

train_cfg = dict(max_epochs=epochs, val_interval=4)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
param_scheduler = [_base_.warm_up, dict(_base_.cosine, T_max=epochs, end=epochs)]
auto_scale_lr = dict(enable=False, base_batch_size=4)

default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(interval=4, save_best='parts/mIoU'),
    visualization=dict(interval=5),
)
