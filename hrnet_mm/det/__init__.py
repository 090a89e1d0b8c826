"""Object detection: what MMDetection does not have. Needs mmdet."""

from .datasets import CocoDet, TinyDet
from .visualization import SparseDetVisualizationHook

__all__ = ['CocoDet', 'SparseDetVisualizationHook', 'TinyDet']
