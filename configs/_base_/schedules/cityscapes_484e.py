"""Cityscapes, official schedule: 484 epochs in batches of 12."""

_base_ = ['sgd_poly.py']

epochs = 484

train_cfg = dict(max_epochs=epochs, val_interval=11)
optim_wrapper = dict(optimizer=dict(lr=0.01, weight_decay=5e-4))
param_scheduler = [dict(_base_.poly, end=epochs)]
auto_scale_lr = dict(enable=False, base_batch_size=12)
