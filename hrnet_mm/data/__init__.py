"""TinyPeople, the embedded data set."""

from .figure import CLASSES
from .pictures import contact_sheet
from .pose import KEYPOINTS, POSES, SKELETON
from .tiny_people import TinyPeople

__all__ = [
    'CLASSES', 'KEYPOINTS', 'POSES', 'SKELETON', 'TinyPeople', 'contact_sheet',
]  # fmt: skip
