"""Cityscapes, schedule of MMSegmentation: 160,000 steps of 8 images, or 430 epochs."""

_base_ = ['sgd_poly.py']

epochs = 430

train_cfg = dict(max_epochs=epochs, val_interval=43)
optim_wrapper = dict(optimizer=dict(lr=0.01, weight_decay=5e-4))
param_scheduler = [dict(_base_.poly, eta_min=1e-4, end=epochs)]
auto_scale_lr = dict(enable=False, base_batch_size=8)
