"""Components for MMDetection: data sets, metrics, RoI extractor, TTA model, hook."""

from .datasets import CocoDet, TinyDet
from .deeplab_heads import DeepLabInstanceHead, DeepLabSemanticHead
from .metrics import CocoDetMetric
from .panoptic_datasets import CityscapesPanoptic, CocoPanoptic, TinyPanoptic
from .panoptic_deeplab import PanopticDeepLab
from .panoptic_metrics import CocoPanopticMetric, PanopticInstanceMetric
from .panoptic_targets import LoadSegments, PackPanopticTargets
from .roi_extractors import SingleRoIExtractor
from .transforms import LoadObjects, LoadPanopticObjects, PackDetInputs
from .tta import InstanceTTAModel
from .visualization import PanopticVisualizer, SparseDetVisualizationHook

__all__ = [
    'CityscapesPanoptic',
    'CocoDet',
    'CocoDetMetric',
    'CocoPanoptic',
    'CocoPanopticMetric',
    'DeepLabInstanceHead',
    'DeepLabSemanticHead',
    'InstanceTTAModel',
    'LoadObjects',
    'LoadPanopticObjects',
    'LoadSegments',
    'PackDetInputs',
    'PackPanopticTargets',
    'PanopticDeepLab',
    'PanopticInstanceMetric',
    'PanopticVisualizer',
    'SingleRoIExtractor',
    'SparseDetVisualizationHook',
    'TinyDet',
    'TinyPanoptic',
]
