"""Pose on videos, 20 epochs of Adam from weights of COCO, as in MMPose: 5e-4 for a batch of 512."""

_base_ = ['adam_steps.py']

epochs = 20

train_cfg = dict(max_epochs=epochs, val_interval=1)
optim_wrapper = dict(optimizer=dict(lr=5e-4))
steps = dict(_base_.steps, end=epochs, milestones=[10, 15])
param_scheduler = [_base_.warm_up, steps]
auto_scale_lr = dict(base_batch_size=512)
