"""The memory format that convolutions compute in."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def trains_faster_in_channels_last(device: torch.device) -> bool:
    """Whether a training step takes less time in channels_last.

    It does on GPUs and on processors with AVX-512. With AVX2 alone, the backward of
    oneDNN's 3x3 convolutions takes longer in it than in the default format.
    """
    return device.type != 'cpu' or torch.backends.cpu.get_cpu_capability() != 'AVX2'


def to_channels_last(model: nn.Module) -> None:
    """Let trunks and necks compute in channels_last, before DDP is built.

    Their inputs and outputs keep the default format, as do all other parts: operators
    that read memory by themselves compute wrong values in another one, without an
    error. So do trunks and necks with convolutions other than ``nn.Conv2d``.
    """
    parts: list[Any] = [part for part in model.modules() if hasattr(part, 'precision')]
    for part in parts:
        filters = [module for module in part.modules() if _has_filters(module)]
        part.channels_last = all(type(module) is nn.Conv2d for module in filters)
        if part.channels_last:
            part.to(memory_format=torch.channels_last)


def _has_filters(module: nn.Module) -> bool:
    weight = getattr(module, 'weight', None)
    return isinstance(weight, Tensor) and weight.dim() == 4
