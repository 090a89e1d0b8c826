"""Pose in minutes on two CPU cores: half the learning rate, no gradient clipping."""

_base_ = ['tiny.py']

epochs = 6

train_cfg = dict(max_epochs=epochs, val_interval=2)
optim_wrapper = dict(
    _delete_=True, optimizer=dict(type='hrnet_mm.Adam', lr=2e-3, weight_decay=0)
)
warm_up = _base_.warm_up
cosine = dict(_base_.cosine, eta_min=2e-5)
param_scheduler = [warm_up, dict(cosine, T_max=epochs, end=epochs)]
auto_scale_lr = dict(enable=False, base_batch_size=16)
