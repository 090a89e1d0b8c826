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


def trains_sooner_in_channels_last(device: torch.device) -> bool:
    """Whether a training step takes less time in that layout, as inference does.

    Not where AVX2 is the widest there is: oneDNN's backward of 3x3 convolutions then
    takes longer in it than in the default layout.
    """
    return device.type != 'cpu' or torch.backends.cpu.get_cpu_capability() != 'AVX2'


def lay_out_like_weights(optimizer: torch.optim.Optimizer) -> None:
    """Give momenta the layout of their weights.

    Those of a checkpoint may have another one, and fused optimizers go through the
    memory of both: each weight would get the momentum of another one, without an error.
    """
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                state[name] = torch.empty_like(parameter.data, dtype=value.dtype)
                state[name].copy_(value)


def make_contiguous(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of an operator, in the default layout."""
    return tuple(a.contiguous() if isinstance(a, Tensor) else a for a in args)
