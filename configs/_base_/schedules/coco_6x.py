"""COCO, 6x, from scratch: 73 epochs, no weight decay of norms (MMDetection, configs/scratch)."""

_base_ = ['sgd_steps.py']

epochs = 73

train_cfg = dict(max_epochs=epochs)
optim_wrapper = dict(paramwise_cfg=dict(norm_decay_mult=0.0))
param_scheduler = [_base_.warm_up, dict(_base_.steps, end=epochs, milestones=[65, 71])]
