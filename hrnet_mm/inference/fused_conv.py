"""Convolution fused with a following norm, addition and ReLU."""

from __future__ import annotations

from typing import Any, TypeGuard

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from hrnet_mm.models.norms import is_compiling
from hrnet_mm.models.precision import has_bfloat16_arithmetic

ONEDNN = torch.ops.mkldnn


class FusedConv(nn.Module):
    """Fused ``relu(conv(x) + bias + other)``; addition and ReLU are optional.

    On CPU one call of oneDNN computes it, with weights packed at the first call, and on
    CUDA one call of cuDNN. On other devices and while tracing, the steps are separate.

    Args:
        conv: The convolution; its weights are copied.
        norm: A batch norm in eval mode, folded into the weights in double precision.

    Attributes:
        relu: Whether to apply the ReLU.
        in_place: Whether the result may overwrite ``other``.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, conv: nn.Conv2d, norm: _BatchNorm | None = None) -> None:
        super().__init__()
        weight, bias = _fold_norm(conv, norm)
        self.register_buffer('weight', weight)
        self.register_buffer('bias', bias)
        assert isinstance(conv.padding, tuple)
        self.stride, self.padding = conv.stride, conv.padding
        self.dilation, self.groups = conv.dilation, conv.groups
        self.relu = False
        self.in_place = False
        self._packed: Tensor | None = None
        self._refused = False

    def extra_repr(self) -> str:
        """Return the shape of the weights and the fused steps, for ``repr``."""
        after = ['relu'] * self.relu + ['in place'] * self.in_place
        return ', '.join([f'{tuple(self.weight.shape)}', *after])

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        if is_traced():
            return self._plain(x, other)
        if x.device.type == 'cpu' and _can_pack(x.dtype):
            return self._onednn(x, other)
        if x.device.type == 'cuda' and self.relu and not self._refused:
            try:
                return self._cudnn(x, other)
            except torch.cuda.OutOfMemoryError:
                raise
            except RuntimeError:  # unsupported by this GPU or cuDNN, or for this shape
                self._refused = True
        return self._plain(x, other)

    def _plain(self, x: Tensor, other: Tensor | None) -> Tensor:
        geometry = (self.stride, self.padding, self.dilation, self.groups)
        y = F.conv2d(x, self.weight, self.bias, *geometry)
        y = y if other is None else y + other
        return F.relu(y) if self.relu else y

    def _onednn(self, x: Tensor, other: Tensor | None) -> Tensor:
        geometry = (self.padding, self.stride, self.dilation, self.groups)
        if self._packed is None:
            self._packed = ONEDNN._reorder_convolution_weight(
                self.weight, *geometry, list(x.shape)
            )
        conv = (x, self._packed, self.bias, *geometry)
        if other is None:
            relu = 'relu' if self.relu else 'none'
            return ONEDNN._convolution_pointwise.default(*conv, relu, [], '')
        # the operator that is not in place copies `other`, too
        sums = other if self.in_place else other.clone()
        return ONEDNN._convolution_pointwise_.binary(
            sums, *conv, 'add', 1.0, 'relu' if self.relu else None, [], ''
        )

    def _cudnn(self, x: Tensor, other: Tensor | None) -> Tensor:
        geometry = (self.stride, self.padding, self.dilation, self.groups)
        if other is None:
            return torch.cudnn_convolution_relu(x, self.weight, self.bias, *geometry)
        return torch.cudnn_convolution_add_relu(
            x, self.weight, other, 1.0, self.bias, *geometry
        )

    def _apply(self, *args: Any, **kwargs: Any) -> FusedConv:
        # another dtype or device must be packed again
        self._packed = None
        return super()._apply(*args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        # packed weights cannot be copied
        return self.__dict__ | dict(_packed=None)


def add_(sums: Tensor, other: Tensor) -> Tensor:
    """Return ``sums + other``, in place on CPU outside tracing."""
    return sums + other if is_traced() or sums.is_cuda else sums.add_(other)


def relu_(x: Tensor) -> Tensor:
    """Return ``relu(x)``, in place on CPU outside tracing."""
    return F.relu(x) if is_traced() or x.is_cuda else x.relu_()


def is_traced() -> bool:
    """Return whether the model is traced or compiled, without packed weights."""
    return torch.jit.is_tracing() or is_compiling()


def can_fold(norm: Any) -> TypeGuard[_BatchNorm]:
    """Return whether a module is a batch norm with fixed statistics in eval mode."""
    return isinstance(norm, _BatchNorm) and norm.running_mean is not None


def _fold_norm(conv: nn.Conv2d, norm: _BatchNorm | None) -> tuple[Tensor, Tensor]:
    weight = conv.weight.detach().double()
    bias = torch.zeros(len(weight), dtype=torch.double, device=weight.device)
    if conv.bias is not None:
        bias += conv.bias.detach()
    if norm is not None:
        scale, shift = _scale_and_shift(norm)
        weight = weight * scale[:, None, None, None]
        bias = bias * scale + shift
    weight = weight.to(conv.weight.dtype, memory_format=torch.channels_last)
    return weight, bias.to(conv.weight.dtype)


def _scale_and_shift(norm: _BatchNorm) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    if norm.weight is not None:
        scale = scale * norm.weight.detach()
    shift = -norm.running_mean.double() * scale
    if norm.bias is not None:
        shift = shift + norm.bias.detach()
    return scale, shift


def _can_pack(dtype: torch.dtype) -> bool:
    if not (torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled):
        return False
    if dtype == torch.bfloat16:
        return has_bfloat16_arithmetic(torch.device('cpu'))
    return dtype == torch.float32
