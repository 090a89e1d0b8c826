"""Files in 8 bits compute nearly the same, and coordinates stay in float32."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

import onnx
import onnxruntime

from hrnet_mm.cli import main
from hrnet_mm.inference.quantisation import quantise


@pytest.fixture
def path(tmp_path) -> Path:
    """Two convolutions with a residual sum, and a sum of coordinates behind them."""
    rng = np.random.default_rng(0)
    node, tensor = onnx.helper.make_node, onnx.numpy_helper.from_array
    shape = ['n', 4, 8, 8]
    graph = onnx.helper.make_graph(
        [
            node('Conv', ['image', 'w'], ['a'], 'conv_1', pads=[1] * 4),
            node('Relu', ['a'], ['b'], 'relu'),
            node('Add', ['b', 'image'], ['c'], 'residual'),
            node('Conv', ['c', 'w'], ['d'], 'conv_2', pads=[1] * 4),
            node('Add', ['d', 'anchor'], ['answer'], 'decode'),
        ],
        'model',
        [onnx.helper.make_tensor_value_info('image', 1, shape)],
        [onnx.helper.make_tensor_value_info('answer', 1, shape)],
        [
            tensor(rng.normal(0, 0.2, (4, 4, 3, 3)).astype(np.float32), 'w'),
            tensor(np.full(1, 1000, np.float32), 'anchor'),
        ],
    )
    opset = [onnx.helper.make_opsetid('', 18)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=10)
    onnx.save(model, tmp_path / 'model.onnx')
    return tmp_path / 'model.onnx'


def test_features_are_quantised_and_coordinates_are_not(path):
    rng = np.random.default_rng(1)
    images = [rng.random((1, 4, 8, 8)).astype(np.float32) for _ in range(8)]

    def run() -> np.ndarray:
        session = onnxruntime.InferenceSession(path)
        return np.stack([session.run(None, dict(image=it))[0] for it in images])

    wanted = run()
    quantise(path, [dict(image=it) for it in images])
    error = np.abs(run() - wanted)
    assert 0 < error.max() < 0.1 * wanted.std()
    graph = onnx.load(path).graph
    rounded = {
        name for it in graph.node if 'Dequantize' in it.op_type for name in it.output
    }
    inputs = {it.name: it.input for it in graph.node}
    assert all({*inputs[name]} & rounded for name in ('conv_1', 'conv_2', 'residual'))
    assert 'anchor' in inputs['decode']
    assert not any('answer' in it.input for it in graph.node)


@pytest.mark.parametrize('options', [['--precision', 'int8'], ['--calibrate', '.']])
def test_calibration_needs_images(options, tmp_path):
    (tmp_path / 'x').write_text('')
    files = [str(tmp_path / 'x')] * 2
    done = CliRunner().invoke(main, ['export', *files, '--format', 'onnx', *options])
    assert done.exit_code == 2
    assert 'need each other' in done.output


def test_other_formats_are_refused(tmp_path):
    (tmp_path / 'x').write_text('')
    files = [str(tmp_path / 'x')] * 2
    options = ['--precision', 'int8', '--calibrate', str(tmp_path)]
    command = ['export', *files, '--format', 'openvino', *options]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 2
    assert '--precision int8 needs --format onnx' in done.output
