"""Crops of 256x256, DARK: unbiased heatmaps (https://arxiv.org/abs/1910.06278)."""

_base_ = ['256x256.py']

codec = dict(_base_.codec, unbiased=True)
