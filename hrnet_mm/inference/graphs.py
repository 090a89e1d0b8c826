"""A graph compiled for one size of input."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Interpreter, Node
from torch.utils._pytree import tree_map_only

Run = Callable[[Tensor], Any]


@torch.no_grad()
def capture(graph: GraphModule, x: Tensor) -> Run:
    """What computes the same as ``graph``, for inputs like ``x`` only.

    Raises:
        RuntimeError: if the device cannot.
    """
    return CudaGraph(graph, x) if x.is_cuda else onednn_graph(graph, x)


def onednn_graph(graph: GraphModule, x: Tensor) -> Run:
    """Convolutions that oneDNN has prepared to the last detail, in its own layouts.

    Outside of it each call of a convolution describes it to oneDNN anew, which takes
    longer than computing the small ones.
    """
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # TorchScript is old, sizes are constant
        torch.jit.enable_onednn_fusion(True)
        try:
            script = torch.jit.freeze(torch.jit.trace(graph, x, check_trace=False))
            for _ in range(2):  # the first run looks at the sizes, the second compiles
                script(x)
        finally:
            torch.jit.enable_onednn_fusion(False)
    return script


class CudaGraph:
    """The kernels of a graph, launched at once, those of the branches in parallel."""

    def __init__(self, graph: GraphModule, x: Tensor) -> None:
        self.x = x.clone()
        streams = Streams(graph, x)
        for _ in range(3):  # cuDNN chooses its algorithms
            streams.run(x)
        torch.cuda.synchronize()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.y = streams.run(self.x)

    def __call__(self, x: Tensor) -> Any:
        """Replay; the results are copies, because the next replay overwrites them."""
        self.x.copy_(x)
        self.graph.replay()
        return tree_map_only(Tensor, Tensor.clone, self.y)


class Streams(Interpreter):
    """Runs each resolution on a CUDA stream of its own, as HRNet is drawn.

    A node waits for what it gets from other streams. The highest resolution runs on the
    current stream.
    """

    def __init__(self, graph: GraphModule, x: Tensor) -> None:
        super().__init__(graph)
        self.heights = Heights(graph).of(x)
        first, *others = sorted(set(self.heights.values()), reverse=True)
        self.others = {height: torch.cuda.Stream() for height in others}
        self.first = first
        self.events: dict[Node, torch.cuda.Event] = {}

    def stream(self, height: int) -> torch.cuda.Stream:
        """Where the nodes of a resolution run."""
        return self.others.get(height) or torch.cuda.current_stream()

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Run all; the current stream waits for the others."""
        for stream in self.others.values():
            stream.wait_stream(torch.cuda.current_stream())
        result = super().run(*args, **kwargs)
        for stream in self.others.values():
            torch.cuda.current_stream().wait_stream(stream)
        return result

    def run_node(self, n: Node) -> Any:
        """Run one on its stream."""
        if n not in self.heights:
            return super().run_node(n)
        stream = self.stream(self.heights[n])
        for need in n.all_input_nodes:
            if self.heights.get(need, self.heights[n]) != self.heights[n]:
                stream.wait_event(self.events[need])
                self.env[need].record_stream(stream)
        with torch.cuda.stream(stream):
            value = super().run_node(n)
            self.events[n] = stream.record_event()
        return value


class Heights(Interpreter):
    """Record the height of the images that each node outputs."""

    def of(self, x: Tensor) -> dict[Node, int]:
        """By node; those that make no images are left out."""
        self.heights: dict[Node, int] = {}
        self.run(x)
        return self.heights

    def run_node(self, n: Node) -> Any:
        """Run one."""
        value = super().run_node(n)
        if isinstance(value, Tensor) and n.op != 'placeholder':
            self.heights[n] = value.shape[-2]
        return value
