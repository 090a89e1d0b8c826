"""Components for MMDetection: data sets, metrics, RoI extractor, TTA model, hook."""

from .datasets import CocoDet, TinyDet
from .deeplab_heads import DeepLabInstanceHead, DeepLabSemanticHead
from .faces import RandomSquareCrop, TinyFaces, WiderFace
from .metrics import CocoDetMetric
from .ocr_head import OCRSemanticHead
from .panoptic_datasets import CityscapesPanoptic, CocoPanoptic, TinyPanoptic
from .panoptic_deeplab import PanopticDeepLab
from .panoptic_metrics import CocoPanopticMetric, PanopticInstanceMetric
from .panoptic_targets import LoadSegments, PackPanopticTargets
from .roi_extractors import SingleRoIExtractor
from .transforms import LoadObjects, LoadPanopticObjects, PackDetInputs
from .tta import InstanceTTAModel, NoTTAModel
from .visdrone import VisDrone, VisDroneMetric
from .visualization import PanopticVisualizer, SparseDetVisualizationHook
from .wider_face import WiderFaceMetric

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
    'NoTTAModel',
    'OCRSemanticHead',
    'PackDetInputs',
    'PackPanopticTargets',
    'PanopticDeepLab',
    'PanopticInstanceMetric',
    'PanopticVisualizer',
    'RandomSquareCrop',
    'SingleRoIExtractor',
    'SparseDetVisualizationHook',
    'TinyDet',
    'TinyFaces',
    'TinyPanoptic',
    'VisDrone',
    'VisDroneMetric',
    'WiderFace',
    'WiderFaceMetric',
]
