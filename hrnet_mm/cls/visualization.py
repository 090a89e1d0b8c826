"""Pictures of classifiers: the visualization hook, ``hrnet-mm show``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmpretrain.engine.hooks import VisualizationHook
from mmpretrain.structures import DataSample
from torch import Tensor

from hrnet_mm.images import drawable
from hrnet_mm.registry import HOOKS
from hrnet_mm.visualization import open_trained, overlay, save_sheet


@HOOKS.register_module()
class ClsVisualizationHook(VisualizationHook):
    """MMPretrain's hook, for images of any number of channels and bits, and ``--tta``.

    The batches of ``--tta`` hold several views of each image; the last one is drawn,
    which is not mirrored unless ``tta_pipeline`` says so.
    """

    def _draw_samples(
        self,
        batch_idx: int,
        data_batch: dict[str, Any],
        data_samples: Sequence[DataSample],
        step: int = 0,
    ) -> None:
        if not self.enable:
            return
        images = data_batch['inputs']
        is_image = isinstance(images[-1], Tensor) and images[-1].dim() == 3
        images = images if is_image else images[-1]
        pictures = [_drawable(image) for image in images]
        batch = dict(data_batch, inputs=pictures)
        super()._draw_samples(batch_idx, batch, data_samples, step)


def _drawable(image: Tensor) -> Tensor:
    picture = drawable(image.permute(1, 2, 0).cpu().numpy())
    return torch.from_numpy(picture).permute(2, 0, 1)


SIZE = 240  # pixels of the shorter side, so that names can be read
RIGHT, WRONG = (0, 160, 0), (220, 0, 0)


def prediction_sheet(config: str, checkpoint: Path, path: Path, rows: int = 3) -> Path:
    """A row for each test image: truth, prediction, and the four streams.

    Of a stream: the mean magnitude of its channels, as the trunk puts them out.

    Args:
        config: Of MMPretrain, with ``test_dataloader``.
        checkpoint: The weights.
        path: Of the image file to write.
        rows: The number of images, evenly from the test data.

    Returns:
        The path.
    """
    cfg = Config.fromfile(config)
    model, dataset, chosen = open_trained(cfg, checkpoint, rows)
    classes = dataset.metainfo['classes']
    pictures = [row_of(model, dataset[i], classes) for i in chosen]
    streams = [f'stream at 1/{4 << b}' for b in range(len(pictures[0]) - 2)]
    titles = ['truth', 'prediction', *streams]
    caption = 'streams: mean magnitude of the channels, bright is large'
    return save_sheet(pictures, titles, path, caption)


def row_of(model: Any, sample: dict, classes: list[str]) -> list[np.ndarray]:
    """The pictures of one image, all of one size."""
    streams: list[Tensor] = []
    hook = model.backbone.register_forward_hook(
        lambda module, args, outputs: streams.extend(outputs)
    )
    with torch.no_grad():
        (result,) = model.test_step(pseudo_collate([sample]))
    hook.remove()
    image = drawable(sample['inputs'].permute(1, 2, 0).numpy())
    scale = SIZE / min(image.shape[:2])
    image = cv2.resize(image, None, fx=scale, fy=scale)
    truth, found = int(result.gt_label), int(result.pred_label)
    score = float(result.pred_score[found])
    return [
        named(image, classes[truth], RIGHT),
        named(
            image, f'{classes[found]} {score:.0%}', RIGHT if found == truth else WRONG
        ),
        *(overlay(image, x[0].abs().mean(0).numpy()) for x in streams),
    ]


def named(image: np.ndarray, name: str, colour: tuple[int, int, int]) -> np.ndarray:
    """An image, blue, green, red, as red, green, blue with a name below."""
    picture = np.ascontiguousarray(image[..., ::-1])
    height, width = picture.shape[:2]
    bar = height - 24
    picture[bar:] = colour
    name = name.split(',')[0][: width // 9]  # ImageNet has many names for a class
    white = (255, 255, 255)
    cv2.putText(picture, name, (4, height - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.5, white, 1)
    return picture
