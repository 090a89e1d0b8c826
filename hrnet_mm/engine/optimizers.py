"""The optimizer of the small recipes, and what hooks do with optimizers."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import Tensor

from hrnet_mm.registry import OPTIMIZERS


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


@OPTIMIZERS.register_module()
class Adam(torch.optim.Adam):
    """``torch.optim.Adam``, fused where torch can: on CPUs since torch 2.4.

    Fused, it updates all weights in one call, else in several calls for each weight.

    Args:
        params: Parameters, or groups of them.
        kwargs: Those of ``torch.optim.Adam``, except ``fused``.
    """

    def __init__(self, params: Any, **kwargs: Any) -> None:
        params = list(params)
        first = params[0]['params'] if isinstance(params[0], dict) else params
        device = next(iter(first)).device
        super().__init__(params, fused=can_fuse(device), **kwargs)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue a job, which another torch or device may have begun."""
        fused = dict(fused=self.defaults['fused'])
        groups = [group | fused for group in state_dict['param_groups']]
        super().load_state_dict(state_dict | dict(param_groups=groups))


def can_fuse(device: torch.device) -> bool:
    """Whether this torch has a fused Adam for a device."""
    try:
        torch.optim.Adam([torch.zeros(1, device=device)], fused=True)
    except RuntimeError:
        return False
    return True
