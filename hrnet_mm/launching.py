"""Wrappers around mmengine that run distributed jobs on machines without a GPU.

So a job can be tried on a laptop, unchanged, before it queues for GPUs.
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


def use_gloo_without_gpu(init: Callable[..., None]) -> Callable[..., None]:
    """Wrap a launcher of ``mmengine.dist`` to use gloo if there is no GPU.

    The launchers always set a CUDA device and use NCCL.
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
            print_log(
                'No GPU found: the processes run on CPUs and communicate via gloo'
            )

    return wrapped


def train_on_cpu(init: Callable[..., None]) -> Callable[..., None]:
    """Wrap ``MMDistributedDataParallel.__init__`` to accept models on the CPU.

    mmengine always passes the index of a GPU, and ``SyncBatchNorm`` needs one.
    """

    @wraps(init)
    def wrapped(self: Any, module: nn.Module, *args: Any, **kwargs: Any) -> None:
        if next(module.parameters()).device.type == 'cpu':
            kwargs['device_ids'] = None
            for norm in module.modules():
                if isinstance(norm, nn.SyncBatchNorm):
                    norm.__class__ = SyncBatchNormOnCpu  # type: ignore[assignment]
        init(self, module, *args, **kwargs)

    return wrapped
