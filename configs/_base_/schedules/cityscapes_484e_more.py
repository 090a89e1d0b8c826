"""Cityscapes, official schedule: another 484 epochs with a tenth of the rate."""

_base_ = ['cityscapes_484e.py']

optim_wrapper = dict(optimizer=dict(lr=1e-3))
