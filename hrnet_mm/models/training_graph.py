"""Capture and replay of training steps of the trunk as CUDA graphs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any
from warnings import warn

import torch
from mmengine.logging import print_log
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import SyncBatchNorm

if TYPE_CHECKING:
    from .hrnet import HRNet

FeatureMaps = tuple[Tensor, ...] | list[Tensor]

STEADY = 3
"""Number of batches of the same size after which a graph is captured."""


class TrainingGraph:
    """Training step of a trunk as one CUDA graph.

    The forward and backward passes are thousands of small kernels, and the GPU waits
    for Python to launch each. If the first ``STEADY`` batches have the same size, both
    passes are captured; later batches of that size replay them. Everything else runs
    without a graph: other sizes, inference, other devices, synchronized batch norms.

    A replay overwrites the outputs and gradients of the previous one. So it is skipped
    until the backward pass of the previous replay has run, and while parameters have
    gradients, because these are being accumulated.

    Args:
        trunk: The trunk whose ``streams`` method is captured.
    """

    def __init__(self, trunk: HRNet) -> None:
        self.trunk = trunk
        self._first: list[Any] = []
        self._replay: Callable[..., FeatureMaps] | None = None
        self._in_use = False

    def __reduce__(self) -> Any:
        """Copy without the captured graph, which belongs to the original trunk."""
        return TrainingGraph, (self.trunk,)

    def __call__(self, x: Tensor) -> FeatureMaps:
        """Return ``trunk.streams(x)``, by a replay if possible."""
        if not (_can_capture(x) and self.trunk.training and torch.is_grad_enabled()):
            return self.trunk.streams(x)
        kind = self._kind(x)
        if len(self._first) < STEADY:
            self._first.append(kind)
            if self._first == [kind] * STEADY:
                self._replay = self._capture(x)
        if self._replay is None or kind != self._first[0] or self._is_in_use():
            return self.trunk.streams(x)
        streams = self._replay(x, *self._parameters)
        self._in_use = True
        for stream in streams:
            if stream.requires_grad:
                stream.register_hook(self._finish)
        return streams

    def _is_in_use(self) -> bool:
        return self._in_use or any(p.grad is not None for p in self._parameters)

    def _finish(self, gradient: Tensor) -> None:
        self._in_use = False

    @cached_property
    def _parameters(self) -> list[nn.Parameter]:
        # cached: collecting them takes as long as computing some layers
        return list(self.trunk.parameters())

    def _kind(self, x: Tensor) -> Any:
        # all that must stay the same for a graph to be valid
        first, *_ = self._parameters  # all parameters move in memory together
        trained = tuple(parameter.requires_grad for parameter in self._parameters)
        return x.shape, x.dtype, x.device, first.data_ptr(), trained, _autocast_state()

    def _functional(self, x: Tensor, *parameters: Tensor) -> FeatureMaps:
        names = [f'trunk.{name}' for name, _ in self.trunk.named_parameters()]
        given = dict(zip(names, parameters, strict=True))
        return tuple(functional_call(_WithoutHooks(self.trunk), given, (x,)))

    def _capture(self, x: Tensor) -> Callable[..., FeatureMaps] | None:
        if any(isinstance(module, SyncBatchNorm) for module in self.trunk.modules()):
            return None
        # warm-up steps must not change the running statistics
        buffers = [(buffer, buffer.clone()) for buffer in self.trunk.buffers()]
        enabled, dtype = _autocast_state()
        # capture with new leaf tensors in the same memory: DDP may have bound the
        # parameters to a stream that is not captured
        leaves = [p.detach().requires_grad_(p.requires_grad) for p in self._parameters]
        try:
            with torch.autocast('cuda', dtype, enabled, cache_enabled=False):
                replay: Any = torch.cuda.make_graphed_callables(
                    self._functional, (x.clone(), *leaves)
                )
        except RuntimeError as error:
            warn(f'Training continues without a CUDA graph: {error}', stacklevel=2)
            return None
        finally:
            for buffer, value in buffers:
                buffer.copy_(value)
        print_log(
            f'Captured a CUDA graph for batches of {tuple(x.shape)}', logger='current'
        )
        return replay


def _autocast_state() -> tuple[bool, torch.dtype]:
    if hasattr(torch, 'get_autocast_dtype'):  # new in torch 2.4
        return torch.is_autocast_enabled('cuda'), torch.get_autocast_dtype('cuda')
    return torch.is_autocast_enabled(), torch.get_autocast_gpu_dtype()


def _can_capture(x: Tensor) -> bool:
    # torch.fx passes proxies, which are no tensors
    return isinstance(x, Tensor) and x.is_cuda


class _WithoutHooks(nn.Module):
    # hooks of the trunk run before and after the graph, so not in it

    def __init__(self, trunk: HRNet) -> None:
        super().__init__()
        self.trunk = trunk

    def forward(self, x: Tensor) -> FeatureMaps:
        return self.trunk.streams(x)
