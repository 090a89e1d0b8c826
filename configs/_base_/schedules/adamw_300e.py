"""Animal Kingdom, 300 epochs of AdamW, as in MMPose: the rate drops at 170 and 200."""

_base_ = ['adam_210e.py']

train_cfg = dict(max_epochs=300)
optim_wrapper = dict(optimizer=dict(type='AdamW', weight_decay=0.01))
