"""What the pictures of all tasks share: when they are drawn, heatmaps, sheets."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import mmcv
import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from mmengine import fileio
from mmengine.config import Config
from mmengine.registry import DATASETS
from mmengine.runner import Runner

from hrnet_mm.building import load_trained
from hrnet_mm.images import drawable


def open_trained(
    cfg: Config, checkpoint: Path, rows: int
) -> tuple[Any, Any, list[int]]:
    """A trained model in eval mode, its test data, and which of them to show.

    Args:
        cfg: Of any of the four libraries, with ``test_dataloader``.
        checkpoint: The weights, of any family.
        rows: How many samples to choose, evenly from all.
    """
    model = load_trained(cfg, checkpoint)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    chosen = np.linspace(0, len(dataset) - 1, min(rows, len(dataset)))
    return model, dataset, chosen.astype(int).tolist()


def read_picture(path: str) -> np.ndarray:
    """Read an image file to draw on: blue, green, red, 8 bits.

    Raises:
        ValueError: if OpenCV cannot read it.
    """
    content = np.frombuffer(fileio.get(path), np.uint8)
    for flag in (cv2.IMREAD_COLOR, cv2.IMREAD_UNCHANGED):  # the latter: numbers of 32
        if (image := cv2.imdecode(content, flag)) is not None:  # bits, for one
            return drawable(image)
    if find_spec('tifffile'):
        with suppress(ValueError):  # it is no TIFF
            return drawable(mmcv.imfrombytes(content, 'unchanged', backend='tifffile'))
    raise ValueError(f'{path} cannot be drawn: neither OpenCV nor tifffile reads it')


def overlay(image: np.ndarray, values: np.ndarray) -> np.ndarray:
    """A heatmap, scaled to its own range, over an image in grey.

    Args:
        image: (H, W, 3); blue, green, red, 0 to 255.
        values: (h, w), of any size.

    Returns:
        (H, W, 3); red, green, blue, 0 to 1.
    """
    size = (image.shape[1], image.shape[0])
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None] / 255
    scaled = (values - values.min()) / max(float(np.ptp(values)), 1e-12)
    heat = cv2.resize(scaled, size, interpolation=cv2.INTER_NEAREST)
    return 0.35 * grey + 0.65 * colormaps['inferno'](heat)[..., :3]


def save_sheet(
    rows: Sequence[Sequence[np.ndarray]],
    titles: Sequence[str],
    path: Path,
    caption: str = '',
) -> Path:
    """Write pictures in rows and columns; RGB.

    Args:
        rows: Of pictures, one for each title, all of one shape in a row.
        titles: Above the columns.
        path: Of the image file.
        caption: Below all.

    Returns:
        The path.
    """
    heights = [row[0].shape[0] / row[0].shape[1] for row in rows]
    width = max(1.5, 10 / len(titles))  # inches
    figure = Figure(
        figsize=(width * len(titles), width * sum(heights) + (0.6 if caption else 0.3)),
        layout='constrained',
    )
    axes = figure.subplots(len(rows), len(titles), squeeze=False, height_ratios=heights)
    for row, pictures in zip(axes, rows, strict=True):
        for axis, picture in zip(row, pictures, strict=True):
            axis.imshow(picture)
            axis.axis('off')
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=9)
    if caption:
        figure.supxlabel(caption, fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    return path


class SparseVisualization:
    """Mixin for visualization hooks: the first image of each ``interval``-th batch.

    The stock ones, once enabled, read every image in validation and draw every one in
    testing, which takes hours on COCO; so they are off by default, and nobody sees
    pictures. Where the test has a folder to draw into (``--show-dir``), all are drawn.
    """

    interval: int
    test_out_dir: str | None = None

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence
    ) -> None:
        """Draw one prediction."""
        if batch_idx % self.interval == 0:
            # the stock hook counts from the training step, and would hit or miss
            interval, self.interval = self.interval, 1
            super().after_val_iter(  # type: ignore[misc]
                runner, batch_idx, data_batch, outputs
            )
            self.interval = interval

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence
    ) -> None:
        """Draw one prediction, or with ``interval=1`` all."""
        all_of_them = self.interval == 1 or self.test_out_dir is not None
        if all_of_them or batch_idx % self.interval == 0:
            drawn = outputs if all_of_them else outputs[:1]
            super().after_test_iter(  # type: ignore[misc]
                runner, batch_idx, data_batch, drawn
            )
