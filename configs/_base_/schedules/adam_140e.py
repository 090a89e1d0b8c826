"""Bottom-up pose, 140 epochs of Adam, as in DEKR: 1e-3 for a batch of 80."""

_base_ = ['adam_steps.py']

epochs = 140

train_cfg = dict(max_epochs=epochs, val_interval=10)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
steps = dict(_base_.steps, end=epochs, milestones=[90, 120])
param_scheduler = [_base_.warm_up, steps]
auto_scale_lr = dict(base_batch_size=80)
