"""Components for MMPose: data sets, codec, head, loss, metric, transforms, hooks."""

from .bodies import (
    Aic,
    CocoWholeBody,
    DeepFashion,
    ExLPose,
    Halpe,
    HumanArt,
    Mhp,
    OcHuman,
    PoseTrack18,
    UBody,
)
from .checks import CheckCodecHook
from .codecs import AssociativeEmbedding
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
from .faces import CocoWholeBodyFaces, Faces300WLP
from .heads import HeatmapHead, HigherHRNetHead
from .losses import AssociativeEmbeddingLoss
from .metrics import CocoPoseMetric, CocoWholeBodyMetric
from .posetrack import PoseTrack18Metric
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
    'Aic',
    'AssociativeEmbedding',
    'AssociativeEmbeddingLoss',
    'BottomupPoseEstimator',
    'BottomupRandomFlip',
    'CheckCodecHook',
    'CocoPose',
    'CocoPoseMetric',
    'CocoWholeBody',
    'CocoWholeBodyFaces',
    'CocoWholeBodyMetric',
    'Cofw',
    'CrowdMask',
    'CrowdPose',
    'DeepFashion',
    'ExLPose',
    'Faces300W',
    'Faces300WLP',
    'Halpe',
    'HeatmapHead',
    'HigherHRNetHead',
    'HumanArt',
    'Mhp',
    'MpiiPose',
    'OcHuman',
    'PackBottomup',
    'PackTopdown',
    'PoseDataPreprocessor',
    'PoseTrack18',
    'PoseTrack18Metric',
    'PyramidPreprocessor',
    'RandomBBoxTransform',
    'RandomFlip',
    'SparsePoseVisualizationHook',
    'TinyCrowd',
    'TinyHeads',
    'TinyPose',
    'UBody',
    'Wflw',
]

draw_circles_with_numpy_scalars()
