"""Distributed jobs on machines without a GPU: what mmengine and torch lack for them.

A job that waits a day for its GPUs can be tried on a laptop first, as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from torch import nn

from hrnet_mm.models.norms import SyncBatchNormOnCpu


def over_gloo(init: Callable[..., None]) -> Callable[..., None]:
    """A launcher of ``mmengine.dist``, which sets a CUDA device and asks for NCCL.

    Without a GPU no device is set, and the processes connect over gloo.
    """

    @wraps(init)
    def wrapped(backend: str, **kwargs: Any) -> None:
        if get_device() != 'cpu':
            init(backend, **kwargs)
            return
        set_device = torch.cuda.set_device
        torch.cuda.set_device = lambda device: None
        try:
            init('gloo', **kwargs)
        finally:
            torch.cuda.set_device = set_device
        if is_main_process():
            print_log('No GPU here: the processes compute on CPUs, linked by gloo')

    return wrapped


def on_cpus(init: Callable[..., None]) -> Callable[..., None]:
    """``MMDistributedDataParallel.__init__``; mmengine gives it the number of a GPU."""

    @wraps(init)
    def wrapped(self: Any, module: nn.Module, *args: Any, **kwargs: Any) -> None:
        if next(module.parameters()).device.type == 'cpu':
            kwargs['device_ids'] = None
            for norm in module.modules():
                if isinstance(norm, nn.SyncBatchNorm):
                    norm.__class__ = SyncBatchNormOnCpu  # type: ignore[assignment]
        init(self, module, *args, **kwargs)

    return wrapped
