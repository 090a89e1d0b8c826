"""COCO, 28 epochs, for HTC."""

_base_ = ['sgd_steps.py']

epochs = 28

train_cfg = dict(max_epochs=epochs)
param_scheduler = [_base_.warm_up, dict(_base_.steps, end=epochs, milestones=[24, 27])]
