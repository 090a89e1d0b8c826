"""Human pose: what MMPose does not have. Needs mmpose."""

from .datasets import CocoPose, MpiiPose

__all__ = ['CocoPose', 'MpiiPose']
