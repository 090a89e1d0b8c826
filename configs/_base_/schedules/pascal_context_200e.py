"""PASCAL-Context with HRNetV2, official schedule: 200 epochs in batches of 16."""

_base_ = ['sgd_poly.py']

epochs = 200

train_cfg = dict(max_epochs=epochs, val_interval=10)
optim_wrapper = dict(optimizer=dict(lr=4e-3, weight_decay=1e-4))
param_scheduler = [dict(_base_.poly, end=epochs)]
auto_scale_lr = dict(enable=False, base_batch_size=16)
