"""Choice of the memory format of convolutions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def trains_faster_in_channels_last(device: torch.device) -> bool:
    """Return whether training steps are faster in channels_last.

    They are on GPUs and on processors with AVX-512. With AVX2 alone, the backward pass
    of oneDNN's 3x3 convolutions is slower than in the contiguous format.
    """
    return device.type != 'cpu' or torch.backends.cpu.get_cpu_capability() != 'AVX2'


def to_channels_last(model: nn.Module) -> None:
    """Convert the trunks and necks of a model to channels_last, before DDP is built.

    Their inputs and outputs stay contiguous, and so do all other parts: custom
    operators that assume the contiguous format compute wrong values in another one,
    without an error. Trunks and necks with convolutions other than ``nn.Conv2d`` stay
    contiguous for the same reason.
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
