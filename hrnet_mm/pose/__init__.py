"""Components for MMPose: data sets, codec, head, loss, metric, transforms, hooks."""

from .animals import AnimalKingdom, AnimalPose, Ap10k, Atrw, Horse10, Macaque
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
from .hands import CocoWholeBodyHands, OneHand10k, PanopticHands, Rhd2d
from .heads import HeatmapHead, HigherHRNetHead
from .instance_heads import CIDHead, DEKRHead
from .losses import AssociativeEmbeddingLoss
from .metrics import CocoPoseMetric, KeypointDistancePCK
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
    'AnimalKingdom',
    'AnimalPose',
    'Ap10k',
    'AssociativeEmbedding',
    'AssociativeEmbeddingLoss',
    'Atrw',
    'BottomupPoseEstimator',
    'BottomupRandomFlip',
    'CIDHead',
    'CheckCodecHook',
    'CocoPose',
    'CocoPoseMetric',
    'CocoWholeBodyHands',
    'Cofw',
    'CrowdMask',
    'CrowdPose',
    'DEKRHead',
    'DecoupledHeatmap',
    'Faces300W',
    'HeatmapHead',
    'HigherHRNetHead',
    'Horse10',
    'KeypointDistancePCK',
    'Macaque',
    'MpiiPose',
    'OneHand10k',
    'PackBottomup',
    'PackTopdown',
    'PanopticHands',
    'PoseDataPreprocessor',
    'PyramidPreprocessor',
    'RandomBBoxTransform',
    'RandomFlip',
    'Rhd2d',
    'SparsePoseVisualizationHook',
    'TinyCrowd',
    'TinyHeads',
    'TinyPose',
    'Wflw',
]

draw_circles_with_numpy_scalars()
