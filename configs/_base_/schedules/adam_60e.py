"""Face landmarks, 60 epochs of Adam, as in MMPose: 2e-3 for a batch of 512."""

_base_ = ['adam_steps.py']

epochs = 60

train_cfg = dict(max_epochs=epochs, val_interval=1)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
steps = dict(_base_.steps, end=epochs, milestones=[40, 55])
param_scheduler = [_base_.warm_up, steps]
auto_scale_lr = dict(base_batch_size=512)
