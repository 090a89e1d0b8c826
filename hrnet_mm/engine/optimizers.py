"""A fused Adam, and functions on optimizers that several hooks use."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import Tensor

from hrnet_mm.registry import OPTIMIZERS


def optim_wrappers_of(wrapper: OptimWrapper | OptimWrapperDict) -> list[OptimWrapper]:
    """Return the optimizer wrappers of a job, one for each part of the model."""
    if isinstance(wrapper, OptimWrapperDict):
        return list(wrapper.optim_wrappers.values())
    return [wrapper]


def match_memory_formats(optimizer: torch.optim.Optimizer) -> None:
    """Convert the state of an optimizer to the memory format of its parameters.

    State from a checkpoint may have another one. Fused optimizers iterate over the
    memory of both: each weight would silently get the momentum of another one.
    """
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                state[name] = torch.empty_like(parameter.data, dtype=value.dtype)
                state[name].copy_(value)


@OPTIMIZERS.register_module()
class Adam(torch.optim.Adam):
    """``torch.optim.Adam`` with ``fused=True`` where torch supports it.

    torch supports it on CPUs since 2.4. The fused optimizer updates all weights in one
    call instead of several calls for each weight.

    Args:
        params: Parameters, or parameter groups.
        kwargs: Arguments of ``torch.optim.Adam``, except ``fused``.
    """

    def __init__(self, params: Any, **kwargs: Any) -> None:
        params = list(params)
        first = params[0]['params'] if isinstance(params[0], dict) else params
        device = next(iter(first)).device
        super().__init__(params, fused=_can_fuse(device), **kwargs)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a state, also one of another device or version of torch."""
        fused = dict(fused=self.defaults['fused'])
        groups = [group | fused for group in state_dict['param_groups']]
        super().load_state_dict(state_dict | dict(param_groups=groups))


def _can_fuse(device: torch.device) -> bool:
    try:
        torch.optim.Adam([torch.zeros(1, device=device)], fused=True)
    except RuntimeError:
        return False
    return True
