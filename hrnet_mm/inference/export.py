"""Export of models to ONNX, OpenVINO and ``torch.export`` files."""

from __future__ import annotations

import json
import shlex
import shutil
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from torch import Tensor, export, nn
from torch.utils._pytree import tree_leaves

from hrnet_mm.tiny_people import TinyPeople

from . import standalone
from .exported_model import Exported, ExportedModel

if TYPE_CHECKING:
    from torch.export import ExportedProgram


def _write_onnx(program: ExportedProgram, path: Path) -> None:
    inputs = [*map(str, program.graph_signature.user_inputs)]
    outputs = program.call_spec.out_spec
    names = outputs.context if outputs.type is dict else ['answer']
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', FutureWarning)  # raised within torchvision
        torch.onnx.export(
            program,
            f=path,
            dynamo=True,
            external_data=False,
            input_names=inputs if len(inputs) > 1 else ['image'],
            output_names=[*names],
            verbose=False,
        )


def _write_openvino(program: ExportedProgram, path: Path) -> None:
    import openvino

    source: Any = program
    with TemporaryDirectory() as folder:
        if any('torchvision.nms' in str(node.target) for node in program.graph.nodes):
            # OpenVINO knows the NMS of ONNX, and not that of torch.export
            source = Path(folder) / 'model.onnx'
            _write_onnx(program, source)
        model = openvino.convert_model(source)
        openvino.save_model(model, path, compress_to_fp16=False)


def _write_torch_export(program: ExportedProgram, path: Path) -> None:
    export.save(program, path)


@dataclass(frozen=True)
class Format:
    """File format of exported models.

    Attributes:
        suffix: The suffix of its files.
        write: Writes a program to a path.
        needs: The packages that write and run its files.
    """

    suffix: str
    write: Callable[[ExportedProgram, Path], None]
    needs: tuple[str, ...]


FORMATS = {
    'onnx': Format('.onnx', _write_onnx, ('onnx', 'onnxscript', 'onnxruntime')),
    'openvino': Format('.xml', _write_openvino, ('openvino',)),
    'torch-export': Format('.pt2', _write_torch_export, ()),
}


def missing_packages(name: str) -> list[str]:
    """Return the packages that a format needs and that are not installed."""
    missing = [package for package in FORMATS[name].needs if not find_spec(package)]
    return missing if can_trace() else ['torch>=2.6', *missing]


def can_trace() -> bool:
    """Return whether this torch can export models (2.6 or newer)."""
    return hasattr(getattr(export, 'Dim', None), 'DYNAMIC')


def check_format(name: str) -> None:
    """Raise unless the packages that a format needs are installed.

    Raises:
        ValueError: naming the missing packages.
    """
    if missing := missing_packages(name):
        raise ValueError(
            f'{name} needs {" ".join(missing)}: pip install {shlex.join(missing)}'
        )


def trace(module: nn.Module, *inputs: Tensor, dynamic: bool = False) -> ExportedProgram:
    """Return the ``torch.export`` program of a module.

    Args:
        module: The module, in eval mode.
        inputs: Example inputs: images, ``(N, C, H, W)``, and others, ``(N, ...)``.
        dynamic: Whether the program takes any number of images of any size.
    """
    free = [
        dict.fromkeys((0, *range(2, x.dim())), export.Dim.DYNAMIC) if dynamic else None
        for x in inputs
    ]
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter('ignore', FutureWarning)  # raised within torch
        return export.export(module, inputs, dynamic_shapes=(*free,))


def exported(model: Any, task: str) -> Exported:
    """Return the function of a model that is exported.

    Args:
        model: The model, in eval mode.
        task: ``task`` of its facts; see ``read_facts``.

    Raises:
        ValueError: if it is a detector with steps that cannot be exported.
    """
    if task == 'detection':
        from .exported_detector import ExportedDetector

        return ExportedDetector(model).eval()
    return ExportedModel(model, task).eval()


def write(
    model: Exported,
    facts: dict[str, Any],
    name: str,
    folder: Path,
    *,
    batch: int = 1,
    dynamic: bool = False,
) -> Path:
    """Write a folder with the exported model, ``model.json`` and ``run.py``.

    The folder can be used without hrnet_mm and OpenMMLab.

    Args:
        model: The function of images to export.
        facts: The content of ``model.json``; see ``read_facts``.
        name: A key of ``FORMATS``.
        folder: The folder; it is created, and a model in it is replaced.
        batch: Number of images in a batch.
        dynamic: Whether the model takes any number of images of any size.

    Returns:
        The path of the model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    size = facts['size']
    if dynamic:
        # sizes of 1, of a batch or of the last level of a pyramid, would be constants
        batch, size = max(batch, 2), [max(it, 256) for it in size]
    x = torch.rand(batch, facts['channels'], *size) * 255
    program = trace(model, *model.inputs(x).values(), dynamic=dynamic)
    for old in folder.glob('model.*'):
        old.unlink()
    path = folder / f'model{FORMATS[name].suffix}'
    FORMATS[name].write(program, path)
    (folder / 'model.json').write_text(
        json.dumps(facts | dict(dynamic=dynamic, batch=batch))
    )
    shutil.copy(standalone.__file__, folder / 'run.py')
    return path


@dataclass(frozen=True)
class Difference:
    """Difference between the outputs of an exported file and of the torch model.

    Attributes:
        largest, mean: The largest and the mean absolute difference, relative to the
            largest absolute value of the output.
    """

    largest: float
    mean: float


@torch.no_grad()
def compare(path: Path, model: Exported, batches: Sequence[np.ndarray]) -> Difference:
    """Run an exported file and the torch model on the same images.

    Args:
        path: The exported file.
        model: The torch model.
        batches: Images, each batch ``(N, C, H, W)``, float32.

    Returns:
        The difference; it is infinite if an output of the file is not finite.
    """
    run = standalone.load(path)
    pairs = []
    for images in batches:
        inputs = named_inputs(model, images).values()
        outputs = model(*map(torch.from_numpy, inputs))
        wanted = [it.numpy() for it in tree_leaves(outputs)]
        found = model.align(run(*inputs), wanted)
        pairs.append([*zip(found, wanted, strict=True)])
    errors = []
    for output in zip(*pairs, strict=True):
        scale = max(np.abs(wanted).max() for _, wanted in output) or 1
        errors += [np.abs(found - wanted).ravel() / scale for found, wanted in output]
    error = np.nan_to_num(np.concatenate(errors), nan=np.inf)
    return Difference(float(error.max()), float(error.mean()))


def named_inputs(model: Exported, images: np.ndarray) -> dict[str, np.ndarray]:
    """Return the inputs of a file by name for images (N, C, H, W)."""
    inputs = model.inputs(torch.from_numpy(images))
    return {name: it.numpy() for name, it in inputs.items()}


def read_folder(folder: Path, facts: dict[str, Any], batch: int) -> list[np.ndarray]:
    """Read the images of a folder as input batches; see ``read_images``.

    Raises:
        ValueError: if there are none, or one cannot be read.
    """
    return read_images(
        [Path(it) for it, _ in standalone.sources(folder, facts)], facts, batch
    )


def read_images(
    paths: Sequence[Path], facts: dict[str, Any], batch: int
) -> list[np.ndarray]:
    """Read images as input batches of an exported model.

    Args:
        paths: The image files; if there are none, four TinyPeople images are used.
        facts: The facts of the model; see ``read_facts``.
        batch: Number of images in a batch.

    Returns:
        Batches ``(batch, C, H, W)``, float32. The last image is repeated to fill the
        last batch.

    Raises:
        ValueError: if a file is not an image, or has the wrong number of channels.
    """
    images = [standalone.read(path, facts) for path in paths]
    if not images:
        people = TinyPeople()
        scenes = [people.scene('test', number).image for number in range(1, 5)]
        channels = np.arange(facts['channels']) % 3
        images = [scene[..., channels] for scene in scenes]
    resized = [cv2.resize(image, tuple(facts['size'][::-1])) for image in images]
    resized += resized[-1:] * (-len(resized) % batch)
    return [
        standalone.make_batch(resized[start : start + batch], facts)
        for start in range(0, len(resized), batch)
    ]
