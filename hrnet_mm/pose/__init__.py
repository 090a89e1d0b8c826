"""Human pose: what MMPose does not have. Needs mmpose."""

from .datasets import CocoPose, MpiiPose, TinyPose
from .visualization import SparsePoseVisualizationHook, draw_circles_with_numpy_scalars

__all__ = ['CocoPose', 'MpiiPose', 'SparsePoseVisualizationHook', 'TinyPose']

draw_circles_with_numpy_scalars()
