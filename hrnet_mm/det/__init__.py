"""Components for MMDetection: data sets, metrics, RoI extractor, TTA model, hook."""

from .datasets import CocoDet, TinyDet
from .faces import RandomSquareCrop, TinyFaces, WiderFace
from .metrics import CocoDetMetric
from .panoptic import CocoPanopticMetric
from .roi_extractors import SingleRoIExtractor
from .transforms import LoadObjects, LoadPanopticObjects, PackDetInputs
from .tta import InstanceTTAModel
from .visdrone import VisDrone, VisDroneMetric
from .visualization import SparseDetVisualizationHook
from .wider_face import WiderFaceMetric

__all__ = [
    'CocoDet',
    'CocoDetMetric',
    'CocoPanopticMetric',
    'InstanceTTAModel',
    'LoadObjects',
    'LoadPanopticObjects',
    'PackDetInputs',
    'RandomSquareCrop',
    'SingleRoIExtractor',
    'SparseDetVisualizationHook',
    'TinyDet',
    'TinyFaces',
    'VisDrone',
    'VisDroneMetric',
    'WiderFace',
    'WiderFaceMetric',
]
