"""Hooks for the stock runner."""

from __future__ import annotations

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from hrnet_mm.registry import HOOKS


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Keeps the weights in channels_last, which every convolution then puts out.

    The layout that oneDNN and tensor cores compute in: without it each small
    convolution converts its input and output.
    """

    def before_run(self, runner: Runner) -> None:
        """Before the first forward of training, validation or testing."""
        runner.model.to(memory_format=torch.channels_last)
