"""Scores of exported files on the test set of a config, by its own metric."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import MODELS as STOCK_MODELS
from mmengine.runner import Runner
from mmengine.structures import InstanceData
from rich.table import Table
from torch import Tensor

from hrnet_mm.registry import MODELS

from . import standalone
from .exported_model import Exported


def score(cfg: Config, file: Path | None = None, checkpoint: Path | None = None) -> Any:
    """Run the test of a config with an exported file or with a checkpoint.

    Args:
        cfg: The config; it is not modified.
        file: The exported file, in its folder.
        checkpoint: The weights, if there is no file.

    Returns:
        The value of each metric, as ``mim test`` prints it.

    Raises:
        ValueError: If the file takes images of another size than the test gives.
    """
    cfg = deepcopy(cfg)
    cfg.load_from = checkpoint and str(checkpoint)
    if file is not None:
        model = cfg.model
        if 'data_preprocessor' in cfg:
            model.setdefault('data_preprocessor', cfg.data_preprocessor)
        cfg.model = dict(type='hrnet_mm.FileModel', file=str(file), model=model)
    cfg.log_level = 'WARNING'  # or mmengine prints the whole config
    if 'visualizer' in cfg:  # one for all runners, and this folder is removed
        cfg.visualizer.vis_backends = []
    with TemporaryDirectory() as folder:
        cfg.work_dir = folder
        return Runner.from_cfg(cfg).test()


def score_table(scores: dict[str, dict[str, float]]) -> Table:
    """Return a table of metrics, with the difference of the file to the model.

    Args:
        scores: The metrics of the ``file`` and, if it was tested, of the ``model``.
    """
    table = Table('metric', *scores, *(['difference'] if len(scores) > 1 else []))
    for metric, value in scores['file'].items():
        cells = [it[metric] for it in scores.values()]
        if len(cells) > 1:
            cells.append(value - cells[1])
        table.add_row(metric, *(f'{it:.4f}' for it in cells))
    return table


@MODELS.register_module()
class FileModel(BaseModel):
    """Model of a config whose layers are replaced by an exported file.

    Data preprocessor, flip test and decoding are those of the config, so that the
    difference to its score is that of the file.

    Args:
        file: The exported file, in its folder.
        model: The config of the model.
        data_preprocessor: None; the model has its own.
    """

    def __init__(self, file: str, model: Any, data_preprocessor: None = None) -> None:
        super().__init__()
        facts = json.loads((Path(file).parent / 'model.json').read_text())
        self.model = STOCK_MODELS.build(model)
        # the file normalises, and so does the data preprocessor of the model
        self.normalisation = Exported(self.model)
        self.file = ExportedFile(Path(file), facts)
        bind = {
            'segmentation': self._bind_segmentation,
            'depth': self._bind_segmentation,
            'detection': self._bind_detection,
        }
        bind.get(facts['task'], self._bind_head)(facts)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the model of the config."""
        return self.model(*args, **kwargs)

    def test_step(self, data: Any) -> Any:
        """Predict a batch as the model of the config does."""
        return self.model.test_step(data)

    def run_file(self, x: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of the file for normalised images (N, C, H, W)."""
        given = self.normalisation
        return self.file.run(x * given.std + given.mean, *others)

    def _bind_head(self, facts: dict[str, Any]) -> None:
        self.model.backbone = _Layers(self.run_file)
        self.model.neck = None
        outputs = {
            'pose': lambda outputs: outputs[-1],
            'bottom-up pose': list,
            'classification': lambda outputs: outputs[-1].log(),  # before softmax
        }
        self.model.head.forward = outputs[facts['task']]

    def _bind_segmentation(self, facts: dict[str, Any]) -> None:
        def encode_decode(inputs: Tensor, metas: Any) -> Tensor:
            (scores,) = self.run_file(inputs)
            if scores.shape[1] > self.model.out_channels:  # of a binary head
                return scores[:, 1:].logit(eps=1e-6)
            return scores

        self.model.encode_decode = encode_decode

    def _bind_detection(self, facts: dict[str, Any]) -> None:
        def predict(inputs: Tensor, samples: list[Any], rescale: bool = True) -> Any:
            sizes = inputs.new_tensor([sample.img_shape[:2] for sample in samples])
            outputs = self.run_file(inputs, sizes)
            found = []
            for index, sample in enumerate(samples):
                objects = standalone.select_objects(
                    [it[index].cpu().numpy() for it in outputs],
                    sample.scale_factor,
                    sample.ori_shape[:2],
                    facts['mask_threshold'],
                )
                objects['bboxes'] = objects.pop('boxes')
                arrays = {k: torch.from_numpy(v) for k, v in objects.items()}
                found.append(InstanceData(**arrays))
            return self.model.add_pred_to_datasample(samples, found)

        self.model.predict = predict


class _Layers(torch.nn.Module):
    # a function in the place of layers
    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


class ExportedFile:
    """An exported file as a function of tensors.

    Args:
        path: The file.
        facts: The content of its ``model.json``.
    """

    def __init__(self, path: Path, facts: dict[str, Any]) -> None:
        self.path, self.facts = path, facts
        self.function = standalone.load(path)

    def run(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs for a batch of any size.

        Raises:
            ValueError: If the file has a fixed size, and these images another one.
        """
        number, device = len(inputs[0]), inputs[0].device
        step = number
        if not self.facts['dynamic']:
            inputs, step = (self._fit(inputs[0]), *inputs[1:]), self.facts['batch']
        batches = []
        for start in range(0, number, step):
            chunk = [x[start : start + step] for x in inputs]
            missing = step - len(chunk[0])
            chunk = [
                torch.cat([x, x[-1:].expand(missing, *x.shape[1:])]) for x in chunk
            ]
            found = self.function(*(x.cpu().contiguous().numpy() for x in chunk))
            batches.append([torch.from_numpy(it) for it in found])
        return tuple(
            torch.cat(it)[:number].to(device) for it in zip(*batches, strict=True)
        )

    def _fit(self, images: Tensor) -> Tensor:
        size = self.facts['size']
        more = [a - b for a, b in zip(size, images.shape[2:], strict=True)]
        if self.facts['task'] == 'detection' and min(more) >= 0:
            return F.pad(images, (0, more[1], 0, more[0]))  # it knows the sizes
        if any(more):
            raise ValueError(
                f'{self.path} takes images of {size[0]} x {size[1]} pixels (height x '
                f'width), and the test of the config gives {images.shape[2]} x '
                f'{images.shape[3]}: export with --dynamic or --size'
            )
        return images
