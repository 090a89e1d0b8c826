"""ADE20K, official schedule: 120 epochs in batches of 16."""

_base_ = ['sgd_poly.py']

epochs = 120

train_cfg = dict(max_epochs=epochs, val_interval=10)
optim_wrapper = dict(optimizer=dict(lr=2e-2, weight_decay=1e-4))
param_scheduler = [dict(_base_.poly, end=epochs)]
auto_scale_lr = dict(enable=False, base_batch_size=16)
