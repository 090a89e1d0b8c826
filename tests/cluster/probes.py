"""What the tests look at in jobs of several processes, for ``custom_imports``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_reduce, is_main_process
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch.nn.modules.batchnorm import _BatchNorm


@HOOKS.register_module()
class MeanLossHook(Hook):
    """Writes the loss of each iteration, averaged over all processes."""

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict | None = None,
    ) -> None:
        loss = outputs['loss'].detach().clone()
        all_reduce(loss, 'mean')
        if is_main_process():
            with (Path(runner.work_dir) / 'losses.txt').open('a') as file:
                file.write(f'{loss.item()}\n')


@HOOKS.register_module()
class FreezeNormsHook(Hook):
    """All batch norms in eval mode, with the statistics of a first look at the data."""

    def before_train(self, runner: Runner) -> None:
        generator = torch.Generator().manual_seed(0)
        for norm in self.norms(runner):
            # neither vanishing nor growing from layer to layer
            norm.running_var.fill_(2.0)
            norm.running_mean.copy_(
                0.1 * torch.randn(norm.running_mean.shape, generator=generator)
            )

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        for norm in self.norms(runner):
            norm.eval()

    def norms(self, runner: Runner) -> list[_BatchNorm]:
        return [m for m in runner.model.modules() if isinstance(m, _BatchNorm)]
