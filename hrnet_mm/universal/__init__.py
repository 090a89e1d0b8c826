"""One HRNet for several tasks: model, data and metrics.

``custom_imports = dict(imports=['hrnet_mm.universal'])`` registers them.
"""

from .dataset import SameImages
from .evaluator import TaskEvaluator
from .in_turn import DatasetsInTurn, OneTask, TaskBatchSampler
from .joint_affine import JointAffine
from .pipeline import JointResize, PackTasks, PerTask
from .preprocessor import UniversalPreprocessor
from .samples import TaskSamples
from .shared_trunk import SharedTrunk, Streams
from .tasks import read_data, read_metric, read_task
from .universal import Universal

__all__ = [
    'DatasetsInTurn', 'JointAffine', 'JointResize', 'OneTask', 'PackTasks', 'PerTask',
    'SameImages', 'SharedTrunk', 'Streams', 'TaskBatchSampler', 'TaskEvaluator',
    'TaskSamples', 'Universal', 'UniversalPreprocessor', 'read_data', 'read_metric',
    'read_task',
]  # fmt: skip
