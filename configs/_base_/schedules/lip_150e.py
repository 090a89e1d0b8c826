"""LIP, official schedule: 150 epochs in batches of 40."""

_base_ = ['sgd_poly.py']

epochs = 150

train_cfg = dict(max_epochs=epochs, val_interval=10)
optim_wrapper = dict(optimizer=dict(lr=7e-3, weight_decay=5e-4))
param_scheduler = [dict(_base_.poly, end=epochs)]
auto_scale_lr = dict(enable=False, base_batch_size=40)
