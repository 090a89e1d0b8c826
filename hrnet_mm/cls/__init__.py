"""ImageNet classification: what MMPretrain does not have. Needs mmpretrain."""

from .datasets import ImageFolder, ImageNetCls, TinyCls
from .visualization import VisualizationHook

__all__ = ['ImageFolder', 'ImageNetCls', 'TinyCls', 'VisualizationHook']
