"""COCO, 20 epochs, for cascades."""

_base_ = ['sgd_steps.py']

epochs = 20

train_cfg = dict(max_epochs=epochs)
param_scheduler = [_base_.warm_up, dict(_base_.steps, end=epochs, milestones=[16, 19])]
