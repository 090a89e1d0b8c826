"""COCO, 2x, HRNet-Object-Detection: 24 epochs, gradients clipped."""

_base_ = ['sgd_steps.py']

epochs = 24

train_cfg = dict(max_epochs=epochs)
optim_wrapper = dict(clip_grad=dict(max_norm=35, norm_type=2))
param_scheduler = [
    dict(_base_.warm_up, start_factor=1.0 / 3),
    dict(_base_.steps, end=epochs, milestones=[20, 23]),
]
