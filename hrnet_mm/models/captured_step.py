"""Forward and backward of one function as two CUDA graphs that share their memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import ref

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

WARM_UP = 3  # eager steps before a capture, as in torch.cuda.make_graphed_callables


class GraphMemory:
    """Memory that the graphs of several captured steps share.

    torch allows graphs to share memory if they are replayed in the order in which they
    were captured, and not at the same time, because a graph may overwrite what another
    left there. The order does not matter here: a forward graph reads only its images
    and parameters, which are not in this memory, and a backward graph only what its
    own forward graph left. What matters is that no other graph is replayed between the
    two, nor while outputs and gradients of the last one are needed. Callers ask
    ``is_in_use`` for the former, and look at the gradients for the latter.
    """

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()
        # torch reuses memory on the same stream only. make_graphed_callables has a
        # ``pool``, too, but takes another stream in each call since torch 2.13
        self._stream = torch.cuda.Stream()
        self._user: Callable[[], Any] = _nobody

    def is_in_use(self) -> bool:
        """Return whether a forward was replayed whose backward can still be."""
        return self._user() is not None

    def lend(self, user: Any) -> None:
        """Set the user, until it is garbage-collected or ``take_back`` is called."""
        self._user = ref(user)

    def take_back(self) -> None:
        """Remove the user."""
        self._user = _nobody

    @contextmanager
    def warm_up(self) -> Iterator[None]:
        """Compute on the stream of the graphs."""
        torch.cuda.synchronize()
        try:
            with torch.cuda.stream(self._stream):
                yield
        finally:
            torch.cuda.synchronize()

    def capture(self, graph: torch.cuda.CUDAGraph) -> Any:
        """Return a context that captures a graph."""
        # other threads may use CUDA meanwhile, such as that which pins batches
        return torch.cuda.graph(
            graph,
            pool=self._pool,
            stream=self._stream,
            capture_error_mode='thread_local',
        )


def _nobody() -> None:
    return None


class CapturedStep:
    """Forward and backward of a function for images of one size, as two CUDA graphs.

    Args:
        function: Returns feature maps of images and parameters, which all require a
            gradient. It runs ``WARM_UP`` times and twice for the capture.
        x: Images of the size, (N, C, H, W).
        parameters: Leaf tensors. Replays read the values that are in their memory.
        memory: Memory of the graphs.

    Raises:
        RuntimeError: if the function cannot be captured, or memory is missing.
    """

    def __init__(
        self,
        function: Callable[..., Sequence[Tensor]],
        x: Tensor,
        parameters: Sequence[Tensor],
        memory: GraphMemory,
    ) -> None:
        self.memory = memory
        self._x = x.clone()
        trained = [p for p in parameters if p.requires_grad]
        with memory.warm_up():
            for _ in range(WARM_UP):
                ys = function(self._x, *parameters)
                torch.autograd.grad(ys, trained, [torch.empty_like(y) for y in ys])
                del ys  # the next step needs its memory
        self._forward, self._backward = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
        with memory.capture(self._forward):
            ys = function(self._x, *parameters)
        self._received = [torch.empty_like(y) for y in ys]
        with memory.capture(self._backward):
            gradients = iter(torch.autograd.grad(ys, trained, self._received))
        self._outputs = [y.detach() for y in ys]
        self._gradients = [
            next(gradients) if p.requires_grad else None for p in parameters
        ]

    def __call__(self, x: Tensor, parameters: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return the feature maps of images by a replay.

        Args:
            x: Images, (N, C, H, W).
            parameters: Receive the gradients; their values are not read.
        """
        return _Replay.apply(self, x, *parameters)

    def replay_forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute the outputs."""
        self._x.copy_(x)
        self._forward.replay()
        return tuple(y.detach() for y in self._outputs)

    def replay_backward(self, received: Sequence[Tensor]) -> list[Tensor | None]:
        """Compute the gradients of the parameters from those of the outputs."""
        for mine, gradient in zip(self._received, received, strict=True):
            mine.copy_(gradient)
        self._backward.replay()
        # new tensors, which parameters take as gradients without copying them
        return [g if g is None else g.detach() for g in self._gradients]


class _Replay(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, step: CapturedStep, x: Tensor, *_: Tensor) -> Any:
        ctx.step, ctx.is_done = step, False
        step.memory.lend(ctx)
        return step.replay_forward(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *received: Tensor) -> Any:
        if ctx.is_done:
            raise RuntimeError(
                'a CUDA graph computes one backward pass for each forward pass of the '
                'trunk. To compute several, set model.backbone.cuda_graph=False'
            )
        ctx.is_done = True
        gradients = ctx.step.replay_backward(received)
        ctx.step.memory.take_back()
        return None, None, *gradients
