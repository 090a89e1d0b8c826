"""Components for MMDetection: data sets, metric, RoI extractor, TTA model, hook."""

from .datasets import CocoDet, TinyDet
from .metrics import CocoDetMetric
from .roi_extractors import SingleRoIExtractor
from .transforms import LoadObjects, PackDetInputs
from .tta import InstanceTTAModel
from .visualization import SparseDetVisualizationHook

__all__ = [
    'CocoDet',
    'CocoDetMetric',
    'InstanceTTAModel',
    'LoadObjects',
    'PackDetInputs',
    'SingleRoIExtractor',
    'SparseDetVisualizationHook',
    'TinyDet',
]
