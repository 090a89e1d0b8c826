"""Object detection: what MMDetection does not have. Needs mmdet."""

from .datasets import CocoDet, TinyDet
from .metrics import CocoDetMetric
from .roi_extractors import SingleRoIExtractor
from .visualization import SparseDetVisualizationHook

__all__ = [
    'CocoDet',
    'CocoDetMetric',
    'SingleRoIExtractor',
    'SparseDetVisualizationHook',
    'TinyDet',
]
