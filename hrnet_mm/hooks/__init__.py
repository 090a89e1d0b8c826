"""Hooks for the stock runner."""

from .checks import AnyFamilyHook, CheckClassesHook, CheckFrozenHook
from .gradients import CheckGradientsHook
from .pictures import SparseVisualization
from .seeding import SeedStepHook
from .speed import Bf16Hook, ChannelsLastHook, CudaGraphHook

__all__ = [
    'AnyFamilyHook',
    'Bf16Hook',
    'ChannelsLastHook',
    'CheckClassesHook',
    'CheckFrozenHook',
    'CheckGradientsHook',
    'CudaGraphHook',
    'SeedStepHook',
    'SparseVisualization',
]
