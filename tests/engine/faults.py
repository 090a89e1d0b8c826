"""Faults that jobs bring about themselves, for ``custom_imports``.

The environment says at which iteration: ``FAULT=disk:13``.
"""

from __future__ import annotations

import os
import resource
import signal
import time
from typing import Any

from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner


@HOOKS.register_module()
class FaultHook(Hook):
    """In rank 1, or where it hurts."""

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        fault, _, iteration = os.environ.get('FAULT', '').partition(':')
        if not fault or runner.iter != int(iteration):
            return
        if fault == 'disk' and get_rank() == 0:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
        if fault == 'nan' and get_rank() == 1:
            weight = next(runner.model.parameters())
            weight.data.fill_(float('nan'))

    def before_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Take long enough for a signal."""
        if 'SLOW_VALIDATION' in os.environ:
            time.sleep(0.3)
