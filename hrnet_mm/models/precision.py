"""bfloat16, on devices that multiply it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from .hrnet import HRNet


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether a device has arithmetic for bfloat16: AVX512_BF16, AMX; from Ampere on.

    Others convert each number to float32 and back, and take several times as long.
    """
    if device.type == 'cpu':
        return torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return device.type == 'cuda' and torch.cuda.get_device_capability(device) >= (8, 0)


def train_in_bfloat16(model: nn.Module) -> None:
    """In training, run trunks under autocast; their outputs are float32 as before."""
    for module in model.modules():
        if isinstance(module, HRNet):
            module.register_forward_pre_hook(enter_autocast, prepend=True)
            module.register_forward_hook(leave_autocast, always_call=True)


def enter_autocast(module: Any, args: tuple[Tensor, ...]) -> None:
    """Before the forward."""
    kind = args[0].device.type
    module._autocast = torch.autocast(kind, torch.bfloat16, enabled=module.training)
    module._autocast.__enter__()


def leave_autocast(module: Any, args: tuple[Tensor, ...], output: Any) -> Any:
    """After the forward, or after an error in it."""
    module._autocast.__exit__(None, None, None)
    del module._autocast
    return tree_map_only(Tensor, Tensor.float, output)
