"""COCO-Stuff, official schedule: 110 epochs, heads at ten times the learning rate."""

_base_ = ['sgd_poly.py']

epochs = 110

train_cfg = dict(max_epochs=epochs, val_interval=10)
optim_wrapper = dict(
    optimizer=dict(lr=1e-3, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0))),
)
param_scheduler = [dict(_base_.poly, end=epochs)]
auto_scale_lr = dict(enable=False, base_batch_size=16)
