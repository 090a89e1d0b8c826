"""ImageNet classification: what MMPretrain does not have. Needs mmpretrain."""

from .datasets import ImageFolder, ImageNetCls, TinyCls
from .visualization import ClsVisualizationHook

__all__ = ['ClsVisualizationHook', 'ImageFolder', 'ImageNetCls', 'TinyCls']
