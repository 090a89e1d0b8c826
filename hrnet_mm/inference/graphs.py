"""Compilation of a graph for one input size: by oneDNN Graph, or as a CUDA graph."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Interpreter, Node
from torch.utils._pytree import tree_map_only

CompiledGraph = Callable[[Tensor], Any]


@torch.no_grad()
def capture(graph: GraphModule, x: Tensor) -> CompiledGraph:
    """Compile a graph for inputs of the size and dtype of ``x``.

    Raises:
        RuntimeError: if the device does not support it.
    """
    return _CudaGraph(graph, x) if x.is_cuda else _compile_with_onednn(graph, x)


def _compile_with_onednn(graph: GraphModule, x: Tensor) -> CompiledGraph:
    # oneDNN Graph prepares each convolution once, in its own memory layouts. Otherwise
    # each call describes it to oneDNN again, which is slower than a small convolution.
    with warnings.catch_warnings():
        # TorchScript is deprecated, and sizes become constants
        warnings.simplefilter('ignore')
        torch.jit.enable_onednn_fusion(True)
        try:
            script = torch.jit.freeze(torch.jit.trace(graph, x, check_trace=False))
            for _ in range(2):  # the first run records the sizes, the second compiles
                script(x)
        finally:
            torch.jit.enable_onednn_fusion(False)
    return script


class _CudaGraph:
    # launches all kernels of a graph at once, those of the branches in parallel

    def __init__(self, graph: GraphModule, x: Tensor) -> None:
        self.x = x.clone()
        interpreter = _StreamInterpreter(graph, x)
        for _ in range(3):  # cuDNN chooses its algorithms
            interpreter.run(x)
        torch.cuda.synchronize()
        self.graph = torch.cuda.CUDAGraph()
        # other threads may use CUDA meanwhile, such as that which pins batches
        with torch.cuda.graph(self.graph, capture_error_mode='thread_local'):
            self.y = interpreter.run(self.x)

    def __call__(self, x: Tensor) -> Any:
        self.x.copy_(x)
        self.graph.replay()
        # copies, because the next replay overwrites the outputs
        return tree_map_only(Tensor, Tensor.clone, self.y)


class _StreamInterpreter(Interpreter):
    # Runs the nodes of each resolution on their own CUDA stream, those of the highest
    # one on the current stream. A node waits for its inputs from other streams.

    def __init__(self, graph: GraphModule, x: Tensor) -> None:
        super().__init__(graph)
        self.heights = _HeightRecorder(graph).record(x)
        first, *others = sorted(set(self.heights.values()), reverse=True)
        self.others = {height: torch.cuda.Stream() for height in others}
        self.first = first
        self.events: dict[Node, torch.cuda.Event] = {}

    def stream(self, height: int) -> torch.cuda.Stream:
        return self.others.get(height) or torch.cuda.current_stream()

    def run(self, *args: Any, **kwargs: Any) -> Any:
        for stream in self.others.values():
            stream.wait_stream(torch.cuda.current_stream())
        result = super().run(*args, **kwargs)
        for stream in self.others.values():
            torch.cuda.current_stream().wait_stream(stream)
        return result

    def run_node(self, n: Node) -> Any:
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


class _HeightRecorder(Interpreter):
    # records the height of the feature map that each node outputs

    def record(self, x: Tensor) -> dict[Node, int]:
        self.heights: dict[Node, int] = {}
        self.run(x)
        return self.heights

    def run_node(self, n: Node) -> Any:
        value = super().run_node(n)
        if isinstance(value, Tensor) and n.op != 'placeholder':
            self.heights[n] = value.shape[-2]
        return value
