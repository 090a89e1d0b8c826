"""Depth, as in BTS: 50 epochs of AdamW in batches of 16, polynomial decay to a tenth.

Learning rate, weight decay, epochs and decay are those of cleinc/bts (pytorch).
"""

_base_ = ['sgd_poly.py']

epochs = 50
rate = 1e-4

train_cfg = dict(max_epochs=epochs, val_interval=5)
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=rate, weight_decay=1e-2)
)
param_scheduler = [dict(_base_.poly, end=epochs, eta_min=rate / 10)]
auto_scale_lr = dict(enable=False, base_batch_size=16)
