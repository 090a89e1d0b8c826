"""Hooks for the stock runner."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
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


@HOOKS.register_module()
class SeedStepHook(Hook):
    """Seeds what the model itself draws, such as dropout, from (seed, step, rank).

    No checkpoint holds the state of torch's generators, so a resumed job would draw
    something else. The counterpart for augmentation is ``hrnet_mm.data.seeding``.
    """

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Before each step."""
        seed = np.random.SeedSequence((runner.seed, runner.iter, get_rank()))
        torch.manual_seed(int(seed.generate_state(1)[0]))
