"""Visualization of classifiers: the hook, and the figures of ``hrnet-mm show``."""

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
    """MMPretrain's hook for images of any channels and dtype, and for ``--tta``.

    With ``--tta``, a batch has several views of each image, and the hook draws the last
    one, which our ``tta_pipeline`` does not flip.
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
        batch = dict(data_batch, inputs=[_drawable(image) for image in images])
        super()._draw_samples(batch_idx, batch, data_samples, step)


def _drawable(image: Tensor) -> Tensor:
    array = drawable(image.permute(1, 2, 0).cpu().numpy())
    return torch.from_numpy(array).permute(2, 0, 1)


SIZE = 240  # pixels of the shorter side, large enough for captions
RIGHT, WRONG = (0, 160, 0), (220, 0, 0)


def prediction_sheet(config: str, checkpoint: Path, path: Path, rows: int = 3) -> Path:
    """Plot a figure with a row for each test image.

    The columns are ground truth, prediction, and the mean magnitude of the channels of
    each of the four streams.

    Args:
        config: Path of a config of MMPretrain, with ``test_dataloader``.
        checkpoint: Path of the weights.
        path: Path of the image file to write.
        rows: Number of images, evenly spaced in the test data.

    Returns:
        ``path``.
    """
    cfg = Config.fromfile(config)
    model, dataset, chosen = open_trained(cfg, checkpoint, rows)
    classes = dataset.metainfo['classes']
    images = [_draw_row(model, dataset[i], classes) for i in chosen]
    streams = [f'stream at 1/{4 << b}' for b in range(len(images[0]) - 2)]
    titles = ['truth', 'prediction', *streams]
    caption = 'streams: mean magnitude of the channels, bright is large'
    return save_sheet(images, titles, path, caption)


def _draw_row(model: Any, sample: dict, classes: list[str]) -> list[np.ndarray]:
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
        _caption(image, classes[truth], RIGHT),
        _caption(
            image, f'{classes[found]} {score:.0%}', RIGHT if found == truth else WRONG
        ),
        *(overlay(image, x[0].abs().mean(0).numpy()) for x in streams),
    ]


def _caption(image: np.ndarray, name: str, colour: tuple[int, int, int]) -> np.ndarray:
    # from BGR to RGB
    drawn = np.ascontiguousarray(image[..., ::-1])
    height, width = drawn.shape[:2]
    bar = height - 24
    drawn[bar:] = colour
    name = name.split(',')[0][: width // 9]  # ImageNet lists synonyms
    white = (255, 255, 255)
    cv2.putText(drawn, name, (4, height - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.5, white, 1)
    return drawn
