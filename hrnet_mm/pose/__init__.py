"""Human pose: what MMPose does not have. Needs mmpose."""

from .codecs import AssociativeEmbedding
from .datasets import CocoPose, MpiiPose, TinyPose
from .heads import HigherHRNetHead
from .losses import AssociativeEmbeddingLoss
from .transforms import CrowdMask
from .visualization import SparsePoseVisualizationHook, draw_circles_with_numpy_scalars

__all__ = [
    'AssociativeEmbedding',
    'AssociativeEmbeddingLoss',
    'CocoPose',
    'CrowdMask',
    'HigherHRNetHead',
    'MpiiPose',
    'SparsePoseVisualizationHook',
    'TinyPose',
]

draw_circles_with_numpy_scalars()
