"""ImageNet classification: what MMPretrain does not have. Needs mmpretrain."""

from .datasets import ImageFolder, ImageNetCls, TinyCls

__all__ = ['ImageFolder', 'ImageNetCls', 'TinyCls']
