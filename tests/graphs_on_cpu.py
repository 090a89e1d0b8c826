"""CUDA graphs on the CPU: they record operators, and replays repeat them in place."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from hrnet_mm.models import training_graph


class Graph(TorchDispatchMode):
    """A graph, and context that captures it.

    What it computes lies in the memory of its pool. There, the worst is assumed: a
    replay overwrites all that other graphs left, with NaN.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, Any]] = []
        self.pool: list[Graph] = []
        self.replays = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None) -> Any:
        out = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, out))
        return out

    def replay(self) -> None:
        self.replays += 1
        own = self.memory()
        # a backward reads what the forward before it left
        index = self.pool.index(self)
        kept = [self, self.pool[index - 1]] if index % 2 else [self]
        for graph in self.pool:
            if not any(graph is it for it in kept):
                graph.overwrite()
        with torch.no_grad():
            for func, args, kwargs, out in self.calls:
                again = func(*args, **kwargs)
                for old, new in zip(tensors(out), tensors(again), strict=True):
                    if old.untyped_storage().data_ptr() in own:
                        old.data.copy_(new)

    def memory(self) -> dict[int, Tensor]:
        """Return the tensors that the graph allocates, by address."""
        found: dict[int, Tensor] = {}
        given: set[int] = set()
        for _, args, kwargs, out in self.calls:
            given |= {address(x) for x in tensors((args, kwargs))} - set(found)
            found |= {address(x): x for x in tensors(out) if address(x) not in given}
        return found

    def overwrite(self) -> None:
        for tensor in self.memory().values():
            if tensor.is_floating_point():
                tensor.data.fill_(torch.nan)


def tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_flatten(tree)[0] if isinstance(leaf, Tensor)]


def address(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


class Device:
    """A CPU that pretends to capture graphs.

    Attributes:
        pools: The graphs of each pool: forward, backward, forward, backward ...
        free, peak: Memory as torch.cuda reports it.
        error: Raised by the next capture.
    """

    def __init__(self) -> None:
        self.pools: list[list[Graph]] = []
        self.free, self.peak = 2, 1
        self.error: Exception | None = None

    def new_pool(self) -> list[Graph]:
        self.pools.append([])
        return self.pools[-1]

    def capture(
        self, graph: Graph, pool: list[Graph], stream: object, capture_error_mode: str
    ) -> Graph:
        # a thread that pins batches uses CUDA during a capture
        assert capture_error_mode == 'thread_local'
        if self.error:
            raise self.error
        graph.pool = pool
        pool.append(graph)
        return graph

    @property
    def sizes(self) -> int:
        """Number of captured sizes."""
        return sum(len(pool) for pool in self.pools) // 2

    @property
    def replays(self) -> int:
        """Number of steps whose forward was replayed."""
        return sum(graph.replays for pool in self.pools for graph in pool[::2])


def pretend_graphs(monkeypatch: pytest.MonkeyPatch) -> Device:
    """Give the CPU graphs."""
    device = Device()
    for name, value in dict(
        CUDAGraph=Graph,
        graph=device.capture,
        graph_pool_handle=device.new_pool,
        Stream=object,
        stream=nullcontext,
        synchronize=lambda: None,
    ).items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(training_graph, '_can_capture', lambda x: not x.requires_grad)
    monkeypatch.setattr(training_graph, '_free_memory', lambda x: device.free)
    monkeypatch.setattr(training_graph, '_peak_memory', lambda x: device.peak)
    return device
