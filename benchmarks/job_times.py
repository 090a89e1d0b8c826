"""A hook that records when a job of the stock runner does what."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class JobTimesHook(Hook):
    """Writes the times of a job as JSON after each validation, in seconds since 1970.

    Args:
        path: Path of the file: ``start`` (before the first step), ``steps`` (the end of
            each), ``waits`` (before each step, for data), ``validation`` (start and
            end).
    """

    priority = 'VERY_HIGH'  # before the other hooks of a step

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.times: dict[str, Any] = dict(steps=[], waits=[], validation=[])

    def before_train_iter(self, *args: Any, **kwargs: Any) -> None:
        """Record how long the step waited for its batch."""
        now = time.time()
        self.times.setdefault('start', now)
        if self.times['steps']:
            self.times['waits'].append(now - self.times['steps'][-1])

    def after_train_iter(self, *args: Any, **kwargs: Any) -> None:
        """Record the end of a step."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.times['steps'].append(time.time())

    def before_val_epoch(self, *args: Any, **kwargs: Any) -> None:
        """Record the start of a validation."""
        self.times['validation'].append(time.time())

    def after_val_epoch(self, *args: Any, **kwargs: Any) -> None:
        """Record the end of a validation, after scoring, and write the file."""
        self.times['validation'].append(time.time())
        self.times['scores'] = kwargs.get('metrics')
        self.path.write_text(json.dumps(self.times, default=float))
