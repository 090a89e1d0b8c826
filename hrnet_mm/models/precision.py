"""Choice of the dtype and memory format in which trunks and necks train."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any, Literal, get_args

import torch
from mmengine.device import get_device
from mmengine.model import BaseModule
from torch import Tensor

from .layout import to_channels_last, trains_faster_in_channels_last
from .norms import folded_norms

Precision = Literal['auto', 'float32', 'bfloat16']
"""Dtype in which a trunk or neck trains.

``'auto'`` is bfloat16 on devices with bfloat16 arithmetic, else float32. Weights,
outputs and inference are float32 in any case. Unless it is ``'float32'``, convolutions
compute in channels_last where that makes training faster; outputs stay contiguous,
because later operators may support no other memory format.
"""


class MixedPrecision(BaseModule):
    """Base class of the parts of a model that have their own training precision."""

    precision: Precision
    channels_last: bool

    def set_precision(self, precision: Precision) -> Any:
        """Set the precision and the memory format of the weights.

        Call it before an optimizer or DDP is built: both store the memory format.

        Raises:
            ValueError: if ``precision`` is unknown.
        """
        if precision not in get_args(Precision):
            known = ', '.join(get_args(Precision))
            raise ValueError(f'precision={precision!r} is not one of {known}')
        self.precision = precision
        self.channels_last = False
        self.to(memory_format=torch.contiguous_format)
        device = torch.device(get_device())
        if precision != 'float32' and trains_faster_in_channels_last(device):
            to_channels_last(self)
        return self

    def _in_precision(
        self, compute: Callable[[Any], Iterable[Tensor]], inputs: Any
    ) -> tuple[Tensor, ...]:
        if self.channels_last:
            # not tree_map, which Dynamo of torch 2.1 cannot trace
            several = isinstance(inputs, list | tuple)
            converted = [
                x.contiguous(memory_format=torch.channels_last)
                for x in (inputs if several else [inputs])
            ]
            inputs = converted if several else converted[0]
        folds = self.training and self.channels_last
        with folded_norms(self._device()) if folds else nullcontext():
            if self._trains_in_bfloat16():
                with torch.autocast(self._device().type, torch.bfloat16):
                    outputs = tuple(y.float() for y in compute(inputs))
            else:
                outputs = tuple(compute(inputs))
        if self.channels_last:
            return tuple(y.contiguous() for y in outputs)
        return outputs

    def _trains_in_bfloat16(self) -> bool:
        return self.training and trains_in_bfloat16(self.precision, self._device())

    def _device(self) -> torch.device:
        # not the device of the inputs, which torch.fx proxies do not have
        return next(self.parameters()).device


def has_bfloat16_arithmetic(device: torch.device) -> bool:
    """Return whether a device has bfloat16 arithmetic: AVX512_BF16, AMX, Ampere.

    Others convert each value to float32 and back, which is several times slower.
    """
    if device.type == 'cpu':
        return torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return device.type == 'cuda' and torch.cuda.get_device_capability(device) >= (8, 0)


def trains_in_bfloat16(precision: Precision, device: torch.device) -> bool:
    """Return whether training with this precision on this device uses bfloat16."""
    if precision == 'auto':
        return has_bfloat16_arithmetic(device)
    return precision == 'bfloat16'


def is_autocast(device: torch.device) -> bool:
    """Return whether operators on a device run under ``torch.autocast``."""
    if hasattr(torch, 'get_autocast_dtype'):  # new in torch 2.4
        return torch.is_autocast_enabled(device.type)
    if device.type == 'cpu':
        return torch.is_autocast_cpu_enabled()
    return torch.is_autocast_enabled()
