"""Cityscapes, official: 484 epochs more, with a tenth of the learning rate."""

_base_ = ['cityscapes_484e.py']

optim_wrapper = dict(optimizer=dict(lr=1e-3))
