"""Components for MMPretrain: data sets and the visualization hook."""

from .datasets import ImageFolder, ImageNetCls, TinyCls
from .transforms import PackInputs, RandomResizedCrop
from .visualization import ClsVisualizationHook

__all__ = [
    'ClsVisualizationHook', 'ImageFolder', 'ImageNetCls', 'PackInputs',
    'RandomResizedCrop', 'TinyCls',
]  # fmt: skip
