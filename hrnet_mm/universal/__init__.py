"""One trunk for several tasks, and images with the labels of all of them."""

from .dataset import SameImages
from .in_turn import DatasetsInTurn, OneTask, TaskBatchSampler
from .joint_affine import JointAffine
from .pipeline import JointResize, PackTasks, PerTask
from .samples import TaskSamples

__all__ = [
    'DatasetsInTurn',
    'JointAffine',
    'JointResize',
    'OneTask',
    'PackTasks',
    'PerTask',
    'SameImages',
    'TaskBatchSampler',
    'TaskSamples',
]
