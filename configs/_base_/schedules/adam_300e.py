"""Bottom-up pose, 300 epochs of Adam, as in MMPose 0.x: 1.5e-3 for a batch of 192."""

_base_ = ['adam_steps.py']

epochs = 300

train_cfg = dict(max_epochs=epochs, val_interval=10)
optim_wrapper = dict(optimizer=dict(lr=1.5e-3))
steps = dict(_base_.steps, end=epochs, milestones=[200, 260])
param_scheduler = [_base_.warm_up, steps]
auto_scale_lr = dict(base_batch_size=192)
