"""COCO, 1x: 12 epochs."""

_base_ = ['sgd_steps.py']

epochs = 12

train_cfg = dict(max_epochs=epochs)
param_scheduler = [_base_.warm_up, dict(_base_.steps, end=epochs, milestones=[8, 11])]
