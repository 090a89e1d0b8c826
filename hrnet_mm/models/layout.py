"""The memory layout that convolutions compute in."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def to_channels_last(model: Any) -> None:
    """Keep the weights of a model in channels_last, which every convolution puts out.

    The operators of mmcv read any memory as if it had the default layout, so they are
    given that: RoIAlign would put out the values of other places, without an error, and
    nothing would learn.
    """
    model.to(memory_format=torch.channels_last)
    for module in model.modules():
        if type(module).__module__.startswith('mmcv.ops.'):
            module.register_forward_pre_hook(make_contiguous)


def make_contiguous(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of an operator, in the default layout."""
    return tuple(a.contiguous() if isinstance(a, Tensor) else a for a in args)
