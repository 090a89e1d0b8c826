"""The dtype and the memory format that trunks and necks compute in, by device."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, get_args

import torch
from mmengine.device import get_device
from mmengine.model import BaseModule
from torch import Tensor

from .layout import to_channels_last, trains_faster_in_channels_last

Precision = Literal['auto', 'float32', 'bfloat16']
"""What a part of a model trains in; ``'auto'``: bfloat16 where a device multiplies it.

Weights, outputs and inference are float32 in any case. Unless it is ``'float32'``,
convolutions compute in channels_last where training is faster in it; outputs are
contiguous, because operators behind may take no other memory format.
"""


class MixedPrecision(BaseModule):
    """A part of a model that trains in a precision of its own."""

    precision: Precision
    channels_last: bool

    def compute_in(self, precision: Precision) -> Any:
        """Set the precision, before an optimizer or DDP is built.

        Both note the memory format of the weights.

        Raises:
            ValueError: if there is no such precision.
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
            # no tree_map, which Dynamo of torch 2.1 cannot trace
            several = isinstance(inputs, list | tuple)
            converted = [
                x.contiguous(memory_format=torch.channels_last)
                for x in (inputs if several else [inputs])
            ]
            inputs = converted if several else converted[0]
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
        # not of the inputs, which have no device while torch.fx traces
        return next(self.parameters()).device


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether a device has arithmetic for bfloat16: AVX512_BF16, AMX; from Ampere on.

    Others convert each number to float32 and back, and take several times as long.
    """
    if device.type == 'cpu':
        return torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return device.type == 'cuda' and torch.cuda.get_device_capability(device) >= (8, 0)


def trains_in_bfloat16(precision: Precision, device: torch.device) -> bool:
    """Whether training on a device is in bfloat16."""
    if precision == 'auto':
        return multiplies_bfloat16(device)
    return precision == 'bfloat16'
