"""One trunk for several tasks, and images with the labels of all of them."""

from .dataset import SameImages
from .joint_affine import JointAffine
from .pipeline import JointResize, PackTasks, PerTask
from .samples import TaskSamples

__all__ = [
    'JointAffine',
    'JointResize',
    'PackTasks',
    'PerTask',
    'SameImages',
    'TaskSamples',
]
