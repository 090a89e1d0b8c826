"""Training steps of a trunk as CUDA graphs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any
from warnings import warn

import torch
from mmengine.logging import print_log
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import SyncBatchNorm

from .hrnet import HRNet

Streams = tuple[Tensor, ...]

STEADY = 3
"""Batches of one size after which the next ones are expected to have it, too."""


def train_in_graphs(model: nn.Module) -> None:
    """Let the trunks of a model train as ``TrainingGraph``."""
    for module in model.modules():
        if isinstance(module, HRNet):
            module.forward = TrainingGraph(module)  # type: ignore[method-assign]


class TrainingGraph:
    """The forward of a trunk, whose training steps are launched at once.

    Forward and backward are thousands of small kernels, and a GPU waits for the program
    to launch each. Once the first ``STEADY`` batches have had one size, both are
    captured; later batches of that size replay them. All else is computed as ever:
    other sizes, inference, other devices, batch norms that are averaged over processes.

    The outputs are overwritten by the next step, the gradients too: that suits
    steps whose gradients are used before the next one, not accumulated ones.

    Args:
        trunk: Its parameters stay in the memory that they are in at the first step.
    """

    def __init__(self, trunk: HRNet) -> None:
        self.trunk = trunk
        self.hookless = Hookless(trunk)
        self._first: list[Any] = []
        self._replay: Callable[..., Streams] | None = None

    def __reduce__(self) -> Any:
        """A copy, of a copied trunk, captures anew."""
        return TrainingGraph, (self.trunk,)

    def __call__(self, x: Tensor) -> Streams:
        """See ``HRNet.forward``."""
        if not (can_capture(x) and self.trunk.training and torch.is_grad_enabled()):
            return self.hookless(x)
        kind = self._kind(x)
        if len(self._first) < STEADY:
            self._first.append(kind)
            if self._first == [kind] * STEADY:
                self._replay = self._capture(x)
        if self._replay is not None and kind == self._first[0]:
            return self._replay(x, *self.parameters)
        return self.hookless(x)

    @cached_property
    def parameters(self) -> list[nn.Parameter]:
        """Of the trunk; to collect them takes as long as some layers."""
        return list(self.trunk.parameters())

    def _kind(self, x: Tensor) -> Any:
        """What is the same in all steps that one graph computes."""
        trained = tuple(parameter.requires_grad for parameter in self.parameters)
        return x.shape, x.dtype, trained, autocast()

    def _functional(self, x: Tensor, *parameters: Tensor) -> Streams:
        """The forward with parameters that are given."""
        names = [f'trunk.{name}' for name, _ in self.trunk.named_parameters()]
        given = dict(zip(names, parameters, strict=True))
        return functional_call(self.hookless, given, (x,))

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
    """Whether the device has graphs."""
    return x.is_cuda


class Hookless(nn.Module):
    """A trunk without its hooks, which run before and after its graph."""

    def __init__(self, trunk: HRNet) -> None:
        super().__init__()
        self.trunk = trunk

    def forward(self, x: Tensor) -> Streams:
        """See ``HRNet.forward``."""
        return type(self.trunk).forward(self.trunk, x)
