"""Crops of 256x256, heatmaps of UDP (https://arxiv.org/abs/1911.07524).

As in MMPose's configs of hands, the crop itself is that of the other codecs.
"""

_base_ = ['256x256.py']

codec = dict(_base_.codec, type='UDPHeatmap')
