"""What the tests look at in jobs of several processes, for ``custom_imports``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.dist import all_reduce, is_main_process
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner


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
