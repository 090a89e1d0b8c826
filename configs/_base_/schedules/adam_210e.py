"""Pose, 210 epochs of Adam, as in MMPose: 5e-4 for a batch of 512."""

_base_ = ['adam_steps.py']

epochs = 210

train_cfg = dict(max_epochs=epochs, val_interval=10)
optim_wrapper = dict(optimizer=dict(lr=5e-4))
steps = dict(_base_.steps, end=epochs, milestones=[170, 200])
param_scheduler = [_base_.warm_up, steps]
auto_scale_lr = dict(base_batch_size=512)
