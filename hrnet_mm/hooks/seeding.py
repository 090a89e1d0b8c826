"""What the model draws, the same in a resumed job."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.runner import Runner

from hrnet_mm.optional_hook import OptionalHook
from hrnet_mm.registry import HOOKS


@HOOKS.register_module()
class SeedStepHook(OptionalHook):
    """Seeds what the model itself draws from (seed, step, rank): dropout, CutMix.

    No checkpoint holds the state of torch's and numpy's generators, so a resumed job
    would draw something else. For augmentation see ``hrnet_mm.data.seeding``.
    """

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Before each step."""
        seed = np.random.SeedSequence((runner.seed, runner.iter, get_rank()))
        torch.manual_seed(int(seed.generate_state(1)[0]))
        np.random.seed(seed.generate_state(1))
