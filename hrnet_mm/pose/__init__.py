"""Components for MMPose: data sets, codec, head, loss, metric, transforms, hooks."""

from .checks import CheckCodecHook
from .codecs import AssociativeEmbedding, DecoupledHeatmap
from .datasets import (
    Aflw,
    CocoPose,
    Cofw,
    CrowdPose,
    Faces300W,
    MpiiPose,
    TinyCrowd,
    TinyHeads,
    TinyPose,
    Wflw,
)
from .heads import HeatmapHead, HigherHRNetHead
from .instance_heads import CIDHead, DEKRHead
from .losses import AssociativeEmbeddingLoss
from .metrics import CocoPoseMetric
from .preprocessing import PoseDataPreprocessor
from .pyramid import BottomupPoseEstimator, PyramidPreprocessor
from .transforms import (
    BottomupRandomFlip,
    CrowdMask,
    PackBottomup,
    PackTopdown,
    RandomBBoxTransform,
    RandomFlip,
)
from .visualization import SparsePoseVisualizationHook, draw_circles_with_numpy_scalars

__all__ = [
    'Aflw',
    'AssociativeEmbedding',
    'AssociativeEmbeddingLoss',
    'BottomupPoseEstimator',
    'BottomupRandomFlip',
    'CIDHead',
    'CheckCodecHook',
    'CocoPose',
    'CocoPoseMetric',
    'Cofw',
    'CrowdMask',
    'CrowdPose',
    'DEKRHead',
    'DecoupledHeatmap',
    'Faces300W',
    'HeatmapHead',
    'HigherHRNetHead',
    'MpiiPose',
    'PackBottomup',
    'PackTopdown',
    'PoseDataPreprocessor',
    'PyramidPreprocessor',
    'RandomBBoxTransform',
    'RandomFlip',
    'SparsePoseVisualizationHook',
    'TinyCrowd',
    'TinyHeads',
    'TinyPose',
    'Wflw',
]

draw_circles_with_numpy_scalars()
