"""Convolutions, norms and residual blocks, under the parameter names of OpenMMLab."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmcv.cnn import build_conv_layer, build_norm_layer
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from .arch import EXPANSION
from .norms import folded_norms

Config = dict[str, Any]

Recompute = bool | Literal['norms']
"""What the backward pass recomputes: nothing, whole residual blocks, or their norms."""


@dataclass(frozen=True)
class Layers:
    """Settings of the layers of one network, passed down as one argument."""

    conv_cfg: Config | None
    norm_cfg: Config
    upsample_cfg: Config
    with_cp: Recompute

    def conv(
        self, in_channels: int, out_channels: int, kernel: int, stride: int = 1
    ) -> nn.Module:
        """Build a convolution without bias; only ``stride`` changes the size."""
        return build_conv_layer(
            self.conv_cfg,
            in_channels,
            out_channels,
            kernel,
            stride=stride,
            padding=kernel // 2,
            bias=False,
        )

    def add_norm(self, module: nn.Module, channels: int, index: int) -> str:
        """Register norm ``index`` of ``module`` under mmcv's name: ``bn1``, ``gn1``."""
        name, norm = build_norm_layer(self.norm_cfg, channels, postfix=index)
        module.add_module(name, norm)
        return name

    def conv_norm(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int = 1,
        relu: bool = False,
    ) -> nn.Sequential:
        """Build a convolution, a norm and, if ``relu``, a ReLU."""
        _, norm = build_norm_layer(self.norm_cfg, out_channels)
        act = [nn.ReLU(inplace=True)] if relu else []
        conv = self.conv(in_channels, out_channels, kernel, stride)
        return nn.Sequential(conv, norm, *act)

    def downsample(
        self, in_channels: int, out_channels: int, steps: int, relu: bool
    ) -> nn.Sequential:
        """Build ``steps`` 3x3 convolutions of stride 2; the last sets the width.

        Each has a norm and a ReLU; ``relu`` says whether the last one has a ReLU.
        """
        keep = [
            self.conv_norm(in_channels, in_channels, 3, stride=2, relu=True)
            for _ in range(steps - 1)
        ]
        last = self.conv_norm(in_channels, out_channels, 3, stride=2, relu=relu)
        return nn.Sequential(*keep, last)


class ResidualBlock(nn.Module):
    """Residual block ``relu(x + residual(x))``, at one resolution.

    The residual has one pair of convolution and norm per entry of ``kernels``, with
    ReLUs in between. Each has ``channels`` outputs, the last one
    ``channels * expansion``. A 1x1 convolution projects the shortcut where the number
    of channels changes.
    """

    kernels: tuple[int, ...]
    expansion: int
    conv1: nn.Module

    def __init__(self, in_channels: int, channels: int, layers: Layers) -> None:
        super().__init__()
        self.with_cp = layers.with_cp
        out_channels = channels * self.expansion
        widths = [in_channels, *[channels] * (len(self.kernels) - 1), out_channels]
        norm_names = []
        for i, kernel in enumerate(self.kernels, start=1):
            self.add_module(f'conv{i}', layers.conv(widths[i - 1], widths[i], kernel))
            norm_names.append(layers.add_norm(self, widths[i], i))
        self.norm_names = tuple(norm_names)
        self.downsample: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.downsample = layers.conv_norm(in_channels, out_channels, 1)

    @property
    def last_norm(self) -> nn.Module:
        """Last norm of the residual, whose scale ``zero_init_residual`` sets to 0."""
        return getattr(self, self.norm_names[-1])

    def forward(self, x: Tensor) -> Tensor:
        if self.with_cp is True and torch.is_grad_enabled():
            return run_recomputed(self, self._forward, x)
        return self._forward(x)

    def _forward(self, x: Tensor) -> Tensor:
        lean = self.with_cp == 'norms' and torch.is_grad_enabled()
        out = self.conv1(x)
        for i in range(2, len(self.kernels) + 1):
            step = self._norm_relu_conv
            # the recomputation stops before the convolution, whose output is not saved
            out = run_recomputed(self, step, i, out) if lean else step(i, out)
        return F.relu(self.last_norm(out) + self.downsample(x), inplace=True)

    def _norm_relu_conv(self, i: int, x: Tensor) -> Tensor:
        out = F.relu(getattr(self, self.norm_names[i - 2])(x), inplace=True)
        return getattr(self, f'conv{i}')(out)


def run_recomputed(
    module: nn.Module, forward: Callable[..., Tensor], *args: int | Tensor
) -> Tensor:
    """Return ``forward(*args)``; the backward pass recomputes its activations.

    Args:
        module: The module whose batch norms must count the batch only once.
        forward: The function to run.
        args: Its arguments.
    """
    device = next(module.parameters()).device

    def contexts() -> tuple[AbstractContextManager, AbstractContextManager]:
        return folded_norms(device), _recomputing(module, device)

    return checkpoint(
        forward,
        *args,
        use_reentrant=False,
        context_fn=contexts,
        preserve_rng_state=False,  # nothing is random, and CUDA graphs cannot save it
    )


@contextmanager
def _recomputing(module: nn.Module, device: torch.device) -> Iterator[None]:
    with folded_norms(device), _unchanged_running_stats(module):
        yield


@contextmanager
def _unchanged_running_stats(module: nn.Module) -> Iterator[None]:
    # checkpointing runs a block twice per step, but the second run is no other batch:
    # norms compute as usual and update copies of their running statistics
    norms = [m for m in module.modules() if isinstance(m, _BatchNorm)]
    kept = [dict(norm._buffers) for norm in norms]
    for norm in norms:
        for name, buffer in norm._buffers.items():
            norm._buffers[name] = None if buffer is None else buffer.clone()
    try:
        yield
    finally:
        for norm, buffers in zip(norms, kept, strict=True):
            norm._buffers.update(buffers)


class BasicBlock(ResidualBlock):
    """Residual block of two 3x3 convolutions."""

    kernels = (3, 3)
    expansion = EXPANSION['BASIC']


class Bottleneck(ResidualBlock):
    """Residual block of 1x1, 3x3 and 1x1 convolutions, the last four times as wide."""

    kernels = (1, 3, 1)
    expansion = EXPANSION['BOTTLENECK']


BLOCKS = {'BASIC': BasicBlock, 'BOTTLENECK': Bottleneck}


def make_branch(
    block: str, in_channels: int, channels: int, num_blocks: int, layers: Layers
) -> nn.Sequential:
    """Build ``num_blocks`` residual blocks in series; the first adapts the width.

    Args:
        block: A key of ``BLOCKS``.
        in_channels: Number of input channels.
        channels: Width inside a block; the output has ``channels * expansion``.
        num_blocks: Number of blocks.
        layers: Settings of their layers.
    """
    cls = BLOCKS[block]
    inputs = [in_channels] + [channels * cls.expansion] * (num_blocks - 1)
    return nn.Sequential(*(cls(c, channels, layers) for c in inputs))
