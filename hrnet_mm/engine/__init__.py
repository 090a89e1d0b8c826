"""Hooks, loops, samplers and optimizers for the ``Runner`` of MMEngine."""

from .check_gradients import CheckGradientsHook
from .checkpoint_hook import CheckpointHook
from .checks import AnyFamilyHook, CheckChannelsHook, CheckClassesHook, CheckFrozenHook
from .collating import collate
from .data_loading import DataLoadingHook
from .finite_loss import FiniteLossHook
from .loops import EpochLoop
from .mlflow_backend import MLflowVisBackend
from .optimizers import Adam
from .preemption import PREEMPTED, PreemptionHook
from .resume import ExactResumeHook, ResumableEpochLoop
from .seeding import SeededSampler, SeedSample, SeedStepHook

__all__ = [
    'PREEMPTED',
    'Adam',
    'AnyFamilyHook',
    'CheckChannelsHook',
    'CheckClassesHook',
    'CheckFrozenHook',
    'CheckGradientsHook',
    'CheckpointHook',
    'DataLoadingHook',
    'EpochLoop',
    'ExactResumeHook',
    'FiniteLossHook',
    'MLflowVisBackend',
    'PreemptionHook',
    'ResumableEpochLoop',
    'SeedSample',
    'SeedStepHook',
    'SeededSampler',
    'collate',
]
