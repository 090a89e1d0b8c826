"""Hooks for the stock runner."""

from .checks import AnyFamilyHook, CheckChannelsHook, CheckClassesHook, CheckFrozenHook
from .gradients import CheckGradientsHook
from .pictures import SparseVisualization
from .seeding import SeedStepHook

__all__ = [
    'AnyFamilyHook',
    'CheckChannelsHook',
    'CheckClassesHook',
    'CheckFrozenHook',
    'CheckGradientsHook',
    'SeedStepHook',
    'SparseVisualization',
]
