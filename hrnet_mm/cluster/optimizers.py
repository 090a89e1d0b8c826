"""The optimizers of a job."""

from __future__ import annotations

import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import Tensor


def parts_of(wrapper: OptimWrapper | OptimWrapperDict) -> list[OptimWrapper]:
    """Return the wrappers of a job: one, or one for each part of the model."""
    if isinstance(wrapper, OptimWrapperDict):
        return list(wrapper.optim_wrappers.values())
    return [wrapper]


def match_memory_formats(optimizer: torch.optim.Optimizer) -> None:
    """Give momenta the memory format of their weights.

    Those of a checkpoint may have another one, and fused optimizers go through the
    memory of both: each weight would get the momentum of another one, without an error.
    """
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                state[name] = torch.empty_like(parameter.data, dtype=value.dtype)
                state[name].copy_(value)
