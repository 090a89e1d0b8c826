"""Panoptic-DeepLab on Cityscapes: 90,000 steps of 32 images are 978 epochs."""

_base_ = ['panoptic_deeplab.py']

epochs = 978

train_cfg = dict(max_epochs=epochs, val_interval=50)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [_base_.warm_up, dict(_base_.poly, end=epochs)]
auto_scale_lr = dict(enable=False, base_batch_size=32)
