"""The former name of ``hrnet_mm.tiny_people``."""

from hrnet_mm.tiny_people import CLASSES, KEYPOINTS, POSES, SKELETON, TinyPeople

__all__ = ['CLASSES', 'KEYPOINTS', 'POSES', 'SKELETON', 'TinyPeople']
