"""Components for MMDetection: data sets, metrics, RoI extractor, TTA model, hook."""

from .datasets import CocoDet, TinyDet
from .metrics import CocoDetMetric
from .panoptic import CocoPanopticMetric
from .roi_extractors import SingleRoIExtractor
from .transforms import LoadObjects, LoadPanopticObjects, PackDetInputs
from .tta import InstanceTTAModel
from .visualization import SparseDetVisualizationHook

__all__ = [
    'CocoDet',
    'CocoDetMetric',
    'CocoPanopticMetric',
    'InstanceTTAModel',
    'LoadObjects',
    'LoadPanopticObjects',
    'PackDetInputs',
    'SingleRoIExtractor',
    'SparseDetVisualizationHook',
    'TinyDet',
]
