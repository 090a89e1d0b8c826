"""One HRNet for several tasks: model, data, metrics and visualization.

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
from .tasks import config_of_task, read_data, read_metric, read_task
from .universal import Universal
from .visualization import UniversalVisualizationHook

__all__ = [
    'DatasetsInTurn', 'JointAffine', 'JointResize', 'OneTask', 'PackTasks', 'PerTask',
    'SameImages', 'SharedTrunk', 'Streams', 'TaskBatchSampler', 'TaskEvaluator',
    'TaskSamples', 'Universal', 'UniversalPreprocessor', 'UniversalVisualizationHook',
    'config_of_task', 'read_data', 'read_metric',
    'read_task',
]  # fmt: skip
