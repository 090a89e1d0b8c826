"""Crops of 256x192, UDP: unbiased data processing (https://arxiv.org/abs/1911.07524)."""

_base_ = ['256x192.py']

codec = dict(_base_.codec, type='UDPHeatmap')
affine = dict(_base_.affine, use_udp=True)
encode = [affine, *_base_.encode[1:]]
crop = [affine, _base_.pack]
