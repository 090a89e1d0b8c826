"""Training steps of a trunk as CUDA graphs."""

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

Streams = tuple[Tensor, ...] | list[Tensor]

STEADY = 3
"""Batches of one size after which the next ones are expected to have it, too."""


class TrainingGraph:
    """Computes the streams of a trunk; a training step is launched at once.

    Forward and backward are thousands of small kernels, and a GPU waits for the program
    to launch each. Once the first ``STEADY`` batches have had one size, both are
    captured; later batches of that size replay them. All else is computed without a
    graph: other sizes, inference, other devices, batch norms that are averaged over
    processes.

    A replay overwrites the outputs and gradients of the one before, so there is none
    while these are in use: until the backward of the last replay has run, and while
    parameters have gradients, which are being accumulated.

    Args:
        trunk: Of which ``streams`` is captured.
    """

    def __init__(self, trunk: HRNet) -> None:
        self.trunk = trunk
        self._first: list[Any] = []
        self._replay: Callable[..., Streams] | None = None
        self._in_use = False

    def __reduce__(self) -> Any:
        """A copy, of a copied trunk, captures anew."""
        return TrainingGraph, (self.trunk,)

    def __call__(self, x: Tensor) -> Streams:
        """See ``HRNet.streams``."""
        if not (can_capture(x) and self.trunk.training and torch.is_grad_enabled()):
            return self.trunk.streams(x)
        kind = self._kind(x)
        if len(self._first) < STEADY:
            self._first.append(kind)
            if self._first == [kind] * STEADY:
                self._replay = self._capture(x)
        if self._replay is None or kind != self._first[0] or self._is_in_use():
            return self.trunk.streams(x)
        streams = self._replay(x, *self.parameters)
        self._in_use = True
        for stream in streams:
            if stream.requires_grad:
                stream.register_hook(self._finish)
        return streams

    def _is_in_use(self) -> bool:
        return self._in_use or any(p.grad is not None for p in self.parameters)

    def _finish(self, gradient: Tensor) -> None:
        self._in_use = False

    @cached_property
    def parameters(self) -> list[nn.Parameter]:
        """Of the trunk; to collect them takes as long as some layers."""
        return list(self.trunk.parameters())

    def _kind(self, x: Tensor) -> Any:
        """What is the same in all steps that one graph computes."""
        first, *_ = self.parameters  # moved to other memory with all others
        trained = tuple(parameter.requires_grad for parameter in self.parameters)
        return x.shape, x.dtype, x.device, first.data_ptr(), trained, autocast()

    def _functional(self, x: Tensor, *parameters: Tensor) -> Streams:
        """The forward with parameters that are given."""
        names = [f'trunk.{name}' for name, _ in self.trunk.named_parameters()]
        given = dict(zip(names, parameters, strict=True))
        return tuple(functional_call(WithoutHooks(self.trunk), given, (x,)))

    def _capture(self, x: Tensor) -> Callable[..., Streams] | None:
        """What replays both, or nothing where they cannot be captured."""
        if any(isinstance(module, SyncBatchNorm) for module in self.trunk.modules()):
            return None
        # the steps that warm up must not count for the running statistics
        buffers = [(buffer, buffer.clone()) for buffer in self.trunk.buffers()]
        enabled, dtype = autocast()
        # other leaves in the same memory: those of the model may belong to DDP, which
        # has bound them to a stream that is not captured
        leaves = [p.detach().requires_grad_(p.requires_grad) for p in self.parameters]
        try:
            with torch.autocast('cuda', dtype, enabled, cache_enabled=False):
                replay: Any = torch.cuda.make_graphed_callables(
                    self._functional, (x.clone(), *leaves)
                )
        except RuntimeError as error:
            warn(f'Training goes on without a CUDA graph: {error}', stacklevel=2)
            return None
        finally:
            for buffer, value in buffers:
                buffer.copy_(value)
        print_log(f'A CUDA graph trains batches of {tuple(x.shape)}', logger='current')
        return replay


def autocast() -> tuple[bool, torch.dtype]:
    """Whether autocast is enabled on GPUs, and the type that it computes in."""
    if hasattr(torch, 'get_autocast_dtype'):  # new in torch 2.4
        return torch.is_autocast_enabled('cuda'), torch.get_autocast_dtype('cuda')
    return torch.is_autocast_enabled(), torch.get_autocast_gpu_dtype()


def can_capture(x: Tensor) -> bool:
    """Whether a batch is on a device that has graphs; a proxy of torch.fx is not."""
    return isinstance(x, Tensor) and x.is_cuda


class WithoutHooks(nn.Module):
    """A trunk without its hooks, which run before and after its graph."""

    def __init__(self, trunk: HRNet) -> None:
        super().__init__()
        self.trunk = trunk

    def forward(self, x: Tensor) -> Streams:
        """See ``HRNet.streams``."""
        return self.trunk.streams(x)
