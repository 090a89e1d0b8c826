"""Visualization for all tasks: loading, heatmap overlays, sheets, hooks."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

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
    """Load a trained model and its test data, and choose samples to show.

    Args:
        cfg: A config of any of the four libraries, with ``test_dataloader``.
        checkpoint: The path of a checkpoint of any family.
        rows: The number of samples.

    Returns:
        The model in eval mode, the data set, and the indices of evenly spaced samples.
    """
    model = load_trained(cfg, checkpoint)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    chosen = np.linspace(0, len(dataset) - 1, min(rows, len(dataset)))
    return model, dataset, chosen.astype(int).tolist()


def read_image(path: str) -> np.ndarray:
    """Read an image file and convert it for drawing.

    Args:
        path: A path or a URL of mmengine's file backends.

    Returns:
        (H, W, 3), uint8, blue, green, red.

    Raises:
        ValueError: If neither OpenCV nor tifffile can read the file.
    """
    content = np.frombuffer(fileio.get(path), np.uint8)
    # IMREAD_COLOR cannot read some formats, such as 32 bits per channel
    for flag in (cv2.IMREAD_COLOR, cv2.IMREAD_UNCHANGED):
        if (image := cv2.imdecode(content, flag)) is not None:
            return drawable(image)
    if find_spec('tifffile'):
        with suppress(ValueError):  # not a TIFF file
            return drawable(mmcv.imfrombytes(content, 'unchanged', backend='tifffile'))
    raise ValueError(f'{path} cannot be drawn: neither OpenCV nor tifffile reads it')


def overlay(image: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Draw a heatmap, scaled to its own range, over a grey version of an image.

    Args:
        image: (H, W, 3), uint8, blue, green, red.
        values: (h, w), the heatmap, which is resized to (H, W).

    Returns:
        (H, W, 3), float, red, green, blue, 0 to 1.
    """
    size = (image.shape[1], image.shape[0])
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None] / 255
    scaled = (values - values.min()) / max(float(np.ptp(values)), 1e-12)
    heat = cv2.resize(scaled, size, interpolation=cv2.INTER_NEAREST)
    return 0.35 * grey + 0.65 * colormaps['inferno'](heat)[..., :3]


Colour = tuple[int, int, int]

# colours of keypoints by their side; blue, green, red
_LEFT, _RIGHT, _MIDDLE = (96, 208, 64), (48, 144, 255), (255, 176, 64)
_DARK = (32, 32, 32)


class Skeleton(NamedTuple):
    """The keypoints and links of a skeleton.

    Args:
        joints: Names of the K keypoints; a prefix ``left`` or ``right`` sets the
            colour.
        bones: Links, each as the indices of two keypoints, from 0.
    """

    joints: Sequence[str]
    bones: Sequence[tuple[int, int]]


def _side_colour(*joints: str) -> Colour:
    for side, colour in (('left', _LEFT), ('right', _RIGHT)):
        if all(joint.startswith(side) for joint in joints):
            return colour
    return _MIDDLE


def draw_skeleton(
    image: np.ndarray,
    keypoints: np.ndarray,
    zoom: float,
    skeleton: Skeleton,
    colour: Colour | None = None,
) -> None:
    """Draw a skeleton onto an image, in place.

    A visible keypoint is a disc, a hidden one a ring; unlabelled ones are not drawn.

    Args:
        image: (H, W, 3), uint8, blue, green, red; ``zoom`` times the annotated size.
        keypoints: (K, 3), x and y in pixels of the annotated image, and COCO's
            visibility.
        zoom: The scale of ``image`` relative to the annotated image.
        skeleton: Names and links of the K keypoints.
        colour: Blue, green, red of the whole skeleton; by default one for each side.
    """

    def pixel(joint: int) -> tuple[int, int]:
        x, y = np.rint(((keypoints[joint, :2] + 0.5) * zoom - 0.5) * 16).astype(int)
        return int(x), int(y)

    names = skeleton.joints
    seen = keypoints[:, 2] > 0
    for a, b in skeleton.bones:
        if seen[a] and seen[b]:
            own = colour or _side_colour(names[a], names[b])
            for tint, width in ((_DARK, 4), (own, 2)):
                cv2.line(image, pixel(a), pixel(b), tint, width, cv2.LINE_AA, shift=4)
    for joint in np.flatnonzero(seen).tolist():
        hidden = keypoints[joint, 2] == 1
        own = colour or _side_colour(names[joint])
        for tint, radius in ((_DARK, 4), (own, 3), (_DARK, 1.5 * hidden)):
            if radius:
                r = round(radius * 16)
                cv2.circle(image, pixel(joint), r, tint, -1, cv2.LINE_AA, shift=4)


def draw_labels(image: np.ndarray, labels: np.ndarray, palette: list) -> np.ndarray:
    """Draw labels in the colours of a palette over the grey image.

    Args:
        image: (H, W, 3) in BGR, uint8.
        labels: (H, W). Labels outside the palette are black.
        palette: RGB of each class, 0 to 255.

    Returns:
        (H, W, 3) in RGB, 0 to 1.
    """
    colours = np.zeros((256, 3))
    colours[: len(palette)] = palette
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None] / 255
    drawn = 0.3 * grey + 0.7 * colours[labels] / 255
    return np.where(labels[..., None] < len(palette), drawn, 0)


def draw_boxes(
    image: np.ndarray,
    boxes: np.ndarray,
    colour: Sequence[float] = (0.2, 1.0, 0.4),
) -> np.ndarray:
    """Draw boxes on an image.

    Args:
        image: (H, W, 3), of any dtype.
        boxes: (n, 4), x1, y1, x2, y2 in pixels.
        colour: In the channel order and value range of the image.

    Returns:
        The image with the boxes; ``image`` itself may be unchanged.
    """
    image = np.ascontiguousarray(image)
    thickness = max(1, round(image.shape[1] / 300))
    for x1, y1, x2, y2 in boxes.round().astype(int).tolist():
        cv2.rectangle(image, (x1, y1), (x2, y2), colour, thickness)
    return image


def save_sheet(
    rows: Sequence[Sequence[np.ndarray]],
    titles: Sequence[str],
    path: Path,
    caption: str = '',
) -> Path:
    """Write a figure with a table of images.

    Args:
        rows: Rows of RGB images, one image per title. The images of a row have the same
            shape.
        titles: The titles of the columns.
        path: The path of the figure; missing folders are created.
        caption: A text below the images.

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
    for row, images in zip(axes, rows, strict=True):
        for axis, image in zip(row, images, strict=True):
            axis.imshow(image)
            axis.axis('off')
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=9)
    if caption:
        figure.supxlabel(caption, fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    return path


class SparseVisualization:
    """A mixin for visualization hooks that draws one image per ``interval`` batches.

    The stock hooks, once enabled, read every image in validation and draw every image
    in testing, which takes hours on COCO; therefore they are off by default. This one
    draws all images only if a test has an output folder (``--show-dir``).
    """

    interval: int
    test_out_dir: str | None = None

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence
    ) -> None:
        """Draw a prediction of each ``interval``-th batch."""
        if batch_idx % self.interval == 0:
            # the stock hook applies its interval to the training step instead
            interval, self.interval = self.interval, 1
            super().after_val_iter(  # type: ignore[misc]
                runner, batch_idx, data_batch, outputs
            )
            self.interval = interval

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence
    ) -> None:
        """Draw a prediction of each ``interval``-th batch; all with ``interval=1``."""
        draw_all = self.interval == 1 or self.test_out_dir is not None
        if draw_all or batch_idx % self.interval == 0:
            drawn = outputs if draw_all else outputs[:1]
            super().after_test_iter(  # type: ignore[misc]
                runner, batch_idx, data_batch, drawn
            )
