"""Crops of 384x288, UDP: unbiased data processing (https://arxiv.org/abs/1911.07524)."""

_base_ = ['384x288.py']

codec = dict(_base_.codec, type='UDPHeatmap')
affine = dict(_base_.affine, use_udp=True)
encode = [affine, dict(type='GenerateTarget', encoder=codec), _base_.pack]
crop = [affine, _base_.pack]
