"""Crops of 256x192, DARK: unbiased heatmaps (https://arxiv.org/abs/1910.06278)."""

_base_ = ['256x192.py']

codec = dict(_base_.codec, unbiased=True)
