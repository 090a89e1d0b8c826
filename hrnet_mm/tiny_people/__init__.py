"""TinyPeople, a small synthetic data set that is rendered locally."""

from .dataset import TinyPeople
from .figure import CLASSES
from .skeleton import KEYPOINTS, POSES, SKELETON

__all__ = [
    'CLASSES', 'KEYPOINTS', 'POSES', 'SKELETON', 'TinyPeople',
]  # fmt: skip
