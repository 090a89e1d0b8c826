"""Components for MMSegmentation: data sets, heads, losses, transforms, hooks."""

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
    'CrossEntropyLoss', 'HRNetV2Head', 'LabelMaps', 'LipSeg', 'LoadImageFromFile',
    'LoadLabels', 'OCRHead', 'OCRNet', 'OhemCrossEntropyLoss', 'PackSegInputs',
    'PascalContext59Seg', 'PascalContextSeg', 'PhotoMetricDistortion', 'RandomCrop',
    'SegTTAModel', 'SegVisualizationHook', 'SegVisualizer', 'SwappingTTAModel',
    'TinySeg',
]  # fmt: skip
