"""Quantisation of exported ONNX files to 8 bits, after training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

QUANTISED = ('Conv', 'Add', 'Relu')
FEATURES = {*QUANTISED, 'AveragePool', 'Concat', 'ConvTranspose', 'MaxPool', 'Resize'}


def quantise(path: Path, inputs: Sequence[dict[str, np.ndarray]]) -> None:
    """Replace a float32 file by one with convolutions, sums and ReLUs in 8 bits.

    Weights have a scale for each channel (int8), activations one for each tensor
    (uint8), from the smallest to the largest value in calibration. All that computes
    boxes and scores from feature maps stays in float32.

    Args:
        path: The ``.onnx`` file.
        inputs: Inputs by name, for calibration.
    """
    with TemporaryDirectory() as folder:
        prepared = Path(folder) / 'model.onnx'
        quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(path),
            _Reader(inputs),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_quantize=_list_nodes(onnx.load(prepared).graph),
        )


class _Reader(CalibrationDataReader):
    def __init__(self, inputs: Sequence[dict[str, np.ndarray]]) -> None:
        self.inputs = iter(inputs)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.inputs, None)


def _list_nodes(graph: Any) -> list[str]:
    # convolutions, and what lies before one on feature maps: coordinates must not be
    # rounded to 8 bits
    makers = {name: node for node in graph.node for name in node.output}
    waiting = [node for node in graph.node if node.op_type == 'Conv']
    found = {}
    while waiting:
        node = waiting.pop()
        if node.op_type in FEATURES and node.name not in found:
            found[node.name] = node
            waiting += [makers[name] for name in node.input if name in makers]
    return [name for name, node in found.items() if node.op_type in QUANTISED]
