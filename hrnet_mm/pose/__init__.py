"""Human pose: what MMPose does not have. Needs mmpose."""

from .codecs import AssociativeEmbedding
from .datasets import CocoPose, CrowdPose, MpiiPose, TinyCrowd, TinyPose
from .heads import HigherHRNetHead
from .losses import AssociativeEmbeddingLoss
from .transforms import CrowdMask
from .visualization import SparsePoseVisualizationHook, draw_circles_with_numpy_scalars

__all__ = [
    'AssociativeEmbedding',
    'AssociativeEmbeddingLoss',
    'CocoPose',
    'CrowdMask',
    'CrowdPose',
    'HigherHRNetHead',
    'MpiiPose',
    'SparsePoseVisualizationHook',
    'TinyCrowd',
    'TinyPose',
]

draw_circles_with_numpy_scalars()
