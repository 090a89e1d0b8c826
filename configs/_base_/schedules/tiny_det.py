"""Detection in minutes on two CPU cores: two epochs, small batches, half the learning rate."""

_base_ = ['tiny.py']

epochs = 2

train_cfg = dict(max_epochs=epochs)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
warm_up, cosine = _base_.param_scheduler
param_scheduler = [warm_up, dict(cosine, T_max=epochs, end=epochs)]
auto_scale_lr = dict(enable=False, base_batch_size=2)
