"""The dtype and the memory format that a trunk computes in, by device."""

from __future__ import annotations

from typing import Literal

import torch

Precision = Literal['auto', 'float32', 'bfloat16']
"""What a trunk trains in; ``'auto'``: bfloat16 on devices that multiply it."""


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether a device has arithmetic for bfloat16: AVX512_BF16, AMX; from Ampere on.

    Others convert each number to float32 and back, and take several times as long.
    """
    if device.type == 'cpu':
        return torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return device.type == 'cuda' and torch.cuda.get_device_capability(device) >= (8, 0)


def trains_in_bfloat16(precision: Precision, device: torch.device) -> bool:
    """Whether a trunk on a device trains in bfloat16."""
    if precision == 'auto':
        return multiplies_bfloat16(device)
    return precision == 'bfloat16'


def trains_faster_in_channels_last(device: torch.device) -> bool:
    """Whether a training step takes less time in channels_last.

    It does on GPUs and on processors with AVX-512. With AVX2 alone, the backward of
    oneDNN's 3x3 convolutions takes longer in it than in the default format.
    """
    return device.type != 'cpu' or torch.backends.cpu.get_cpu_capability() != 'AVX2'
