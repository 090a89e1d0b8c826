"""Components for MMPose: data sets, codec, head, loss, metric, transforms, hooks."""

from .animals import AnimalKingdom, AnimalPose, Ap10k, Atrw, Horse10, Macaque
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
from .faces import CocoWholeBodyFaces, Faces300WLP
from .hands import CocoWholeBodyHands, OneHand10k, PanopticHands, Rhd2d
from .heads import HeatmapHead, HigherHRNetHead
from .instance_heads import CIDHead, DEKRHead
from .losses import AssociativeEmbeddingLoss
from .metrics import CocoPoseMetric, CocoWholeBodyMetric, KeypointDistancePCK
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
    'CocoWholeBody',
    'CocoWholeBodyFaces',
    'CocoWholeBodyHands',
    'CocoWholeBodyMetric',
    'Cofw',
    'CrowdMask',
    'CrowdPose',
    'DEKRHead',
    'DecoupledHeatmap',
    'DeepFashion',
    'ExLPose',
    'Faces300W',
    'Faces300WLP',
    'Halpe',
    'HeatmapHead',
    'HigherHRNetHead',
    'Horse10',
    'HumanArt',
    'KeypointDistancePCK',
    'Macaque',
    'Mhp',
    'MpiiPose',
    'OcHuman',
    'OneHand10k',
    'PackBottomup',
    'PackTopdown',
    'PanopticHands',
    'PoseDataPreprocessor',
    'PoseTrack18',
    'PoseTrack18Metric',
    'PyramidPreprocessor',
    'RandomBBoxTransform',
    'RandomFlip',
    'Rhd2d',
    'SparsePoseVisualizationHook',
    'TinyCrowd',
    'TinyHeads',
    'TinyPose',
    'UBody',
    'Wflw',
]

draw_circles_with_numpy_scalars()
