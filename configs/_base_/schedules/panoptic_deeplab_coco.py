"""Panoptic-DeepLab on COCO: 200,000 steps of 64 images are 108 epochs."""

_base_ = ['panoptic_deeplab.py']

epochs = 108

train_cfg = dict(max_epochs=epochs, val_interval=6)
optim_wrapper = dict(optimizer=dict(lr=5e-4))
param_scheduler = [_base_.warm_up, dict(_base_.poly, end=epochs)]
auto_scale_lr = dict(enable=False, base_batch_size=64)
