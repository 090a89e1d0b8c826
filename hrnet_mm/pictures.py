"""What the pictures of all tasks share: the trained model, heatmaps, sheets."""

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
from mmengine.runner.checkpoint import CheckpointLoader, load_state_dict

from hrnet_mm.building import build_model
from hrnet_mm.checkpoints import translate_for
from hrnet_mm.images import check_channels, drawable


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


def load_trained(cfg: Config, checkpoint: Path) -> Any:
    """A trained model in eval mode; the weights are of any family.

    Raises:
        ValueError: if its library cannot be imported, or its preprocessor is of images
            with other channels.
    """
    model = build_model(cfg)
    check_channels(model)
    content = CheckpointLoader.load_checkpoint(str(checkpoint), 'cpu')
    translate_for(model, content, str(checkpoint))
    load_state_dict(model, content['state_dict'])
    return model


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
