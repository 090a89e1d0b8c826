"""Components for MMSegmentation: data sets, heads, losses, depth, transforms, hooks."""

from .checks import CheckWindowHook
from .datasets import (
    Ade20kSeg,
    CityscapesSeg,
    CocoStuffSeg,
    LabelMaps,
    LipSeg,
    PascalContext59Seg,
    PascalContextSeg,
    TinySeg,
)
from .depth import DepthEstimator, DepthHead, DepthTTAModel, SiLogLoss
from .depth_data import DepthMaps, KittiDepth, LoadDepth, NyuDepth, TinyDepth
from .depth_metric import DepthMetric
from .heads import HRNetV2Head, OCRHead
from .losses import CrossEntropyLoss, OhemCrossEntropyLoss
from .segmentor import OCRNet
from .transforms import (
    CheckLabels,
    LoadImageFromFile,
    LoadLabels,
    PackSegInputs,
    PhotoMetricDistortion,
    RandomCrop,
)
from .tta import SegTTAModel, SwappingTTAModel
from .visualization import SegVisualizationHook, SegVisualizer

__all__ = [
    'Ade20kSeg', 'CheckLabels', 'CheckWindowHook', 'CityscapesSeg', 'CocoStuffSeg',
    'CrossEntropyLoss', 'DepthEstimator', 'DepthHead', 'DepthMaps', 'DepthMetric',
    'DepthTTAModel', 'HRNetV2Head', 'KittiDepth', 'LabelMaps', 'LipSeg', 'LoadDepth',
    'LoadImageFromFile', 'LoadLabels', 'NyuDepth', 'OCRHead', 'OCRNet',
    'OhemCrossEntropyLoss', 'PackSegInputs', 'PascalContext59Seg', 'PascalContextSeg',
    'PhotoMetricDistortion', 'RandomCrop', 'SegTTAModel', 'SegVisualizationHook',
    'SegVisualizer', 'SiLogLoss', 'SwappingTTAModel', 'TinyDepth', 'TinySeg',
]  # fmt: skip
