"""Crops of 256x192, UDP with heatmaps and maps of offsets, three for each keypoint."""

_base_ = ['256x192_udp.py']

codec = dict(_base_.codec, heatmap_type='combined')
encode = [
    _base_.affine,
    dict(type='GenerateTarget', encoder=codec),
    _base_.encode[-1],
]
