"""The file formats, all made from the same ``torch.export`` program."""

from __future__ import annotations

import json
import shlex
import shutil
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from torch import Tensor, export, nn

from hrnet_mm.tiny_people import TinyPeople

from . import standalone

if TYPE_CHECKING:
    from torch.export import ExportedProgram


def write_onnx(program: ExportedProgram, path: Path) -> None:
    """For onnxruntime, and all that reads ONNX."""
    torch.onnx.export(
        program,
        f=path,
        dynamo=True,
        external_data=False,
        input_names=['image'],
        output_names=['answer'],
        verbose=False,
    )


def write_openvino(program: ExportedProgram, path: Path) -> None:
    """For processors of Intel, and others."""
    import openvino

    model = openvino.convert_model(program)
    openvino.save_model(model, path, compress_to_fp16=False)


def write_torch(program: ExportedProgram, path: Path) -> None:
    """For torch alone, and its compilers."""
    export.save(program, path)


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes:
        suffix: Of its files.
        write: Writes one.
        needs: The packages that write and run it.
    """

    suffix: str
    write: Callable[[ExportedProgram, Path], None]
    needs: tuple[str, ...]


FORMATS = {
    'onnx': Format('.onnx', write_onnx, ('onnx', 'onnxscript', 'onnxruntime')),
    'openvino': Format('.xml', write_openvino, ('openvino',)),
    'torch-export': Format('.pt2', write_torch, ()),
}


def missing_packages(name: str) -> list[str]:
    """Those that a format needs."""
    missing = [package for package in FORMATS[name].needs if not find_spec(package)]
    return missing if can_trace() else ['torch>=2.6', *missing]


def can_trace() -> bool:
    """Whether ``torch.export`` of this torch takes images of any size."""
    return hasattr(getattr(export, 'Dim', None), 'DYNAMIC')


def check_format(name: str) -> None:
    """Refuse a format whose packages are not there.

    Raises:
        ValueError: naming them.
    """
    if missing := missing_packages(name):
        raise ValueError(
            f'{name} needs {" ".join(missing)}: pip install {shlex.join(missing)}'
        )


def trace(module: nn.Module, x: Tensor, *, dynamic: bool = False) -> ExportedProgram:
    """The program of a module; ``dynamic``: for any number of images, of any size."""
    free = dict.fromkeys((0, 2, 3), export.Dim.DYNAMIC) if dynamic else None
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter('ignore', FutureWarning)  # torch warns of torch
        return export.export(module, (x,), dynamic_shapes=(free,))


def write(
    answer: nn.Module,
    facts: dict[str, Any],
    name: str,
    folder: Path,
    *,
    batch: int = 1,
    dynamic: bool = False,
) -> Path:
    """Write a folder that runs alone: the model, its facts, ``run.py``.

    Args:
        answer: Takes images; see ``Answer``.
        facts: See ``read_facts``.
        name: One of ``FORMATS``.
        folder: Is made. A model in it is replaced.
        batch: Images at once.
        dynamic: Any number of images, of any size.

    Returns:
        The path of the model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # two at least, or torch.export takes a dynamic number for the constant 1
    number = max(batch, 2) if dynamic else batch
    x = torch.rand(number, facts['channels'], *facts['size']) * 255
    program = trace(answer, x, dynamic=dynamic)
    for old in folder.glob('model.*'):
        old.unlink()
    path = folder / f'model{FORMATS[name].suffix}'
    FORMATS[name].write(program, path)
    (folder / 'model.json').write_text(json.dumps(facts | dict(dynamic=dynamic)))
    shutil.copy(standalone.__file__, folder / 'run.py')
    return path


@dataclass(frozen=True)
class Difference:
    """Between what a file and the model of torch answer.

    Attributes:
        largest, mean: As shares of the largest value.
    """

    largest: float
    mean: float


@torch.no_grad()
def compare(path: Path, answer: nn.Module, batches: Sequence[np.ndarray]) -> Difference:
    """Run a file and the model of torch on the same images, each ``(N, C, H, W)``.

    Numbers that are not finite are an infinite difference.
    """
    model = standalone.load(path)
    wanted = [answer(torch.from_numpy(images)).numpy() for images in batches]
    scale = max(np.abs(values).max() for values in wanted)
    errors = [
        np.abs(model(images) - values) / scale
        for images, values in zip(batches, wanted, strict=True)
    ]
    error = np.nan_to_num(np.concatenate([e.ravel() for e in errors]), nan=np.inf)
    return Difference(float(error.max()), float(error.mean()))


def read_images(
    paths: Sequence[Path], facts: dict[str, Any], batch: int
) -> list[np.ndarray]:
    """Images of files as a model takes them, in batches; the last ones repeat.

    Args:
        paths: Of the files; if there are none, a few scenes of TinyPeople.
        facts: Of the model, see ``read_facts``; ``size`` is that of the images.
        batch: Images at once.

    Raises:
        ValueError: if a file is no image, or has other channels.
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
        standalone.batch(resized[start : start + batch], facts)
        for start in range(0, len(resized), batch)
    ]
