"""Jobs on clusters: how they are preempted, saved and go on.

The engine is ``torch.distributed`` under the stock runner; here are hooks for it.
"""

from .continuation import ExactResumeHook
from .losses import FiniteLossHook
from .preemption import PREEMPTED, PreemptionHook
from .saving import CheckpointHook

__all__ = [
    'PREEMPTED',
    'CheckpointHook',
    'ExactResumeHook',
    'FiniteLossHook',
    'PreemptionHook',
]
