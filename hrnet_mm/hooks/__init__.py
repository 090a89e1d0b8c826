"""Hooks for the stock runner."""

from .checks import AnyFamilyHook, CheckChannelsHook, CheckClassesHook, CheckFrozenHook
from .gradients import CheckGradientsHook
from .pictures import SparseVisualization
from .seeding import SeedStepHook
from .speed import Bf16Hook, ChannelsLastHook, CudaGraphHook

__all__ = [
    'AnyFamilyHook',
    'Bf16Hook',
    'ChannelsLastHook',
    'CheckChannelsHook',
    'CheckClassesHook',
    'CheckFrozenHook',
    'CheckGradientsHook',
    'CudaGraphHook',
    'SeedStepHook',
    'SparseVisualization',
]
