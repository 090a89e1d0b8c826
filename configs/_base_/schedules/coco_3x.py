"""COCO, 3x: 36 epochs."""

_base_ = ['sgd_steps.py']

epochs = 36

train_cfg = dict(max_epochs=epochs, val_interval=3)
param_scheduler = [_base_.warm_up, dict(_base_.steps, end=epochs, milestones=[24, 33])]
