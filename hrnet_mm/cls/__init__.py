"""Components for MMPretrain: data sets and the visualization hook."""

from .datasets import ImageFolder, ImageNetCls, TinyCls
from .visualization import ClsVisualizationHook

__all__ = ['ClsVisualizationHook', 'ImageFolder', 'ImageNetCls', 'TinyCls']
