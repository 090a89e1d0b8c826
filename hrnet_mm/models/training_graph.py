"""Training steps of the trunk as CUDA graphs, one for each size of batches."""

from __future__ import annotations

import logging
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from mmengine.logging import print_log
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import SyncBatchNorm

if TYPE_CHECKING:
    from .captured_step import CapturedStep, GraphMemory
    from .hrnet import HRNet

FeatureMaps = tuple[Tensor, ...] | list[Tensor]

STEADY = 3
"""Number of batches of a size after which a graph is captured for it."""

MAX_SIZES = 16
"""Number of sizes for which graphs are captured."""


class TrainingGraph:
    """Training steps of a trunk as CUDA graphs.

    The forward and backward passes are thousands of small kernels, and the GPU waits
    for Python to launch each. With the ``STEADY``-th batch of a size, both passes are
    captured for it; this batch and later ones replay them. Everything else runs without
    a graph: rare sizes, sizes after the first ``MAX_SIZES``, inference, other devices,
    images that need a gradient, trunks that are frozen or have synchronized norms. The
    graphs are captured anew when weights move in memory or parts are frozen.

    The graphs share their memory, so a replay overwrites the outputs and gradients of
    the previous one, also of another size. There is none until the backward pass of the
    previous one has run, and while parameters have gradients, because these are being
    accumulated.

    Args:
        trunk: The trunk whose ``streams`` method is captured.
    """

    def __init__(self, trunk: HRNet) -> None:
        self.trunk = trunk
        self._state: Any = None
        self._forget()

    def __reduce__(self) -> Any:
        """Copy without the captured graphs, which belong to the original trunk."""
        return TrainingGraph, (self.trunk,)

    def __call__(self, x: Tensor) -> FeatureMaps:
        """Return ``trunk.streams(x)``, by a replay if possible."""
        if not (_can_capture(x) and self.trunk.training and torch.is_grad_enabled()):
            return self.trunk.streams(x)
        if (state := self._current_state()) != self._state:
            self._state = state
            self._forget()
        kind = x.shape, x.dtype, x.device, _autocast_state()
        if not self._complete and kind not in self._steps:
            self._see(kind, x)
        step = self._steps.get(kind)
        if step is None or self._is_in_use():
            return self.trunk.streams(x)
        return step(x, self._parameters)

    @property
    def sizes(self) -> int:
        """Number of sizes for which graphs are captured."""
        return len(self._steps)

    def _forget(self) -> None:
        self._seen: Counter[Any] = Counter()
        self._steps: dict[Any, CapturedStep] = {}
        self._complete = False
        # a pool that no graph uses any more must not be used again
        self._memory: GraphMemory | None = None

    def _is_in_use(self) -> bool:
        in_use = self._memory is not None and self._memory.is_in_use()
        return in_use or any(p.grad is not None for p in self._parameters)

    @cached_property
    def _parameters(self) -> list[nn.Parameter]:
        # cached: collecting them takes as long as computing some layers
        return list(self.trunk.parameters())

    @cached_property
    def _modules(self) -> list[nn.Module]:
        return list(self.trunk.modules())

    def _current_state(self) -> Any:
        # all but the batch that must stay the same for a graph to be valid
        first, *_ = self._parameters  # all parameters move in memory together
        trained = tuple(parameter.requires_grad for parameter in self._parameters)
        modes = tuple(module.training for module in self._modules)
        return first.data_ptr(), trained, modes

    def _see(self, kind: Any, x: Tensor) -> None:
        # Batches are drawn at random, so sizes that are seen STEADY times first are the
        # frequent ones. None is dropped for a later one: above the limit, sizes would
        # take turns, and a capture takes as long as several steps.
        self._seen[kind] += 1
        if self._seen[kind] < STEADY:
            return
        obstacle = self._obstacle(x) or self._capture(kind, x)
        if obstacle:
            self._complete = True
            print_log(
                f'Batches like {tuple(x.shape)} train without a CUDA graph: {obstacle}',
                logger='current',
                level=logging.WARNING,
            )

    def _obstacle(self, x: Tensor) -> str | None:
        # Capturing synchronized norms would need all ranks to capture in the same step,
        # because the warm-up communicates, and to succeed, or the others would wait
        # forever.
        if any(isinstance(module, SyncBatchNorm) for module in self._modules):
            return 'the trunk has synchronized norms'
        if not any(parameter.requires_grad for parameter in self._parameters):
            return 'the whole trunk is frozen'
        if self.sizes == MAX_SIZES:
            return (
                f'graphs of {MAX_SIZES} sizes are captured. For fewer sizes, increase '
                'model.data_preprocessor.pad_size_divisor'
            )
        # If sizes vary, steps without a graph need memory beside the graphs. A graph
        # needs less than a whole step does.
        if len(self._seen) > 1 and _free_memory(x) < _peak_memory(x):
            return (
                f'{self.sizes} sizes are captured, and a further one could leave '
                'too little memory. To save memory, reduce the batch size or set '
                "model.backbone.with_cp='norms'"
            )
        return None

    def _capture(self, kind: Any, x: Tensor) -> str | None:
        # imported here, because most processes capture nothing
        from .captured_step import CapturedStep, GraphMemory

        # warm-up steps must not change the running statistics
        buffers = [(buffer, buffer.clone()) for buffer in self.trunk.buffers()]
        enabled, dtype = _autocast_state()
        # capture with new leaf tensors in the same memory: DDP may have bound the
        # parameters to a stream that is not captured
        leaves = [p.detach().requires_grad_(p.requires_grad) for p in self._parameters]
        self._memory = self._memory or GraphMemory()
        try:
            with torch.autocast('cuda', dtype, enabled, cache_enabled=False):
                step = CapturedStep(self._functional, x, leaves, self._memory)
        except RuntimeError as error:
            return str(error)
        finally:
            for buffer, value in buffers:
                buffer.copy_(value)
        self._steps[kind] = step
        print_log(
            f'Captured a CUDA graph for batches of {tuple(x.shape)}', logger='current'
        )
        return None

    def _functional(self, x: Tensor, *parameters: Tensor) -> tuple[Tensor, ...]:
        names = [f'trunk.{name}' for name, _ in self.trunk.named_parameters()]
        given = dict(zip(names, parameters, strict=True))
        return tuple(functional_call(_WithoutHooks(self.trunk), given, (x,)))


def _autocast_state() -> tuple[bool, torch.dtype]:
    if hasattr(torch, 'get_autocast_dtype'):  # new in torch 2.4
        return torch.is_autocast_enabled('cuda'), torch.get_autocast_dtype('cuda')
    return torch.is_autocast_enabled(), torch.get_autocast_gpu_dtype()


def _can_capture(x: Tensor) -> bool:
    # torch.fx passes proxies, which are no tensors. torch captures on the current
    # device, and graphs give no gradient to their images.
    return (
        isinstance(x, Tensor)
        and x.is_cuda
        and x.device.index == torch.cuda.current_device()
        and not x.requires_grad
    )


def _free_memory(x: Tensor) -> int:
    # a capture first returns what torch keeps for later
    kept = torch.cuda.memory_reserved(x.device) - torch.cuda.memory_allocated(x.device)
    return torch.cuda.mem_get_info(x.device)[0] + kept


def _peak_memory(x: Tensor) -> int:
    return torch.cuda.max_memory_allocated(x.device)


class _WithoutHooks(nn.Module):
    # hooks of the trunk run before and after the graph, so not in it

    def __init__(self, trunk: HRNet) -> None:
        super().__init__()
        self.trunk = trunk

    def forward(self, x: Tensor) -> tuple[Tensor, ...] | list[Tensor]:
        return self.trunk.streams(x)
