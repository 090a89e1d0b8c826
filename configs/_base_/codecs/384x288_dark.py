"""Crops of 384x288, DARK: unbiased heatmaps (https://arxiv.org/abs/1910.06278)."""

_base_ = ['384x288.py']

codec = dict(_base_.codec, unbiased=True)
