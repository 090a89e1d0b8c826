"""One HRNet for several tasks: model, data and metrics.

``custom_imports = dict(imports=['hrnet_mm.universal'])`` registers them, with those of
all four tasks.
"""

from .evaluator import TaskEvaluator
from .preprocessor import UniversalPreprocessor
from .samples import TaskSamples
from .shared_trunk import SharedTrunk, Streams
from .tasks import read_task
from .universal import Universal

__all__ = [
    'SharedTrunk', 'Streams', 'TaskEvaluator', 'TaskSamples', 'Universal',
    'UniversalPreprocessor', 'read_task',
]  # fmt: skip
