"""Pictures of segments: for ``hrnet-mm show`` and ``hrnet-mm predict``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from matplotlib.colors import hsv_to_rgb
from mmdet.evaluation import INSTANCE_OFFSET
from mmengine.dataset import pseudo_collate

from hrnet_mm.datasets.metainfo import complete_palette
from hrnet_mm.visualization import overlay, read_image, save_sheet

from .panoptic import read_segment_ids

Palette = Sequence[Sequence[int]]


def draw_segments(image: np.ndarray, ids: np.ndarray, palette: Palette) -> np.ndarray:
    """Draw segments over the grey image, with white outlines.

    Instances of a class have different shades of its colour.

    Args:
        image: (H, W, 3) in BGR, uint8.
        ids: (H, W), class + 1000 * instance. Classes outside the palette are black.
        palette: RGB of each class, 0 to 255.

    Returns:
        (H, W, 3) in RGB, 0 to 1.
    """
    present, index = np.unique(ids, return_inverse=True)
    colours = np.array([_colour(int(number), palette) for number in present])
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None] / 255
    index = index.reshape(ids.shape)
    known = (present % INSTANCE_OFFSET < len(palette))[index][..., None]
    drawn = np.where(known, 0.3 * grey + 0.7 * colours[index], 0)
    edge = np.zeros(ids.shape, bool)
    edge[:-1] |= ids[:-1] != ids[1:]
    edge[:, :-1] |= ids[:, :-1] != ids[:, 1:]
    return np.where(edge[..., None], 1.0, drawn)


def _colour(number: int, palette: Palette) -> np.ndarray:
    instance, label = divmod(number, INSTANCE_OFFSET)
    if label >= len(palette):
        return np.zeros(3)
    shade = (0.0, 0.35, -0.35, 0.6, -0.55)[instance % 5]
    colour = np.array(palette[label]) / 255
    return colour + (1 - colour) * shade if shade > 0 else colour * (1 + shade)


def draw_offsets(offsets: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Draw offsets: the hue is the direction, a bright colour a long way.

    Args:
        offsets: (2, H, W), y and x in pixels.
        mask: (H, W), the pixels to draw; others are black.

    Returns:
        (H, W, 3) in RGB, 0 to 1.
    """
    lengths = np.hypot(*offsets) * mask
    hue = np.arctan2(*offsets) / (2 * np.pi) % 1
    value = lengths / max(float(lengths.max()), 1e-6)
    return hsv_to_rgb(np.stack([hue, np.ones_like(hue), value], axis=-1))


def true_segments(sample: dict[str, Any]) -> np.ndarray:
    """Return the true segments of a sample of the data set: class + 1000 * instance."""
    ids = read_segment_ids(sample['seg_map_path'])
    found = np.full(ids.shape, INSTANCE_OFFSET - 1)
    for i, it in enumerate(sample['segments_info'], start=1):
        number = it['category'] + i * INSTANCE_OFFSET * it['is_thing']
        found[ids == it['id']] = number
    return found


def panoptic_sheet(model: Any, dataset: Any, chosen: Sequence[int], path: Path) -> Path:
    """Plot a figure with a row for each image: true and predicted segments.

    Panoptic-DeepLab has two more columns: centres, and the offsets of things.

    Args:
        model: A panoptic model of MMDetection.
        dataset: Its test data.
        chosen: The indices of the images.
        path: Path of the image file to write.

    Returns:
        ``path``.
    """
    classes, palette = (dataset.metainfo.get(k) for k in ('classes', 'palette'))
    colours = complete_palette(palette, len(classes))
    rows = [_row(model, dataset, i, colours) for i in chosen]
    titles = ['truth', 'prediction', 'centres', 'offsets'][: len(rows[0])]
    caption = 'White: outlines of segments. Black: no class'
    if len(titles) > 2:
        caption += '. Offsets: the hue is the direction, bright is a long way'
    return save_sheet(rows, titles, path, caption)


@torch.no_grad()
def _row(model: Any, dataset: Any, index: int, palette: Palette) -> list[np.ndarray]:
    batch = pseudo_collate([dataset[index]])
    (result,) = model.test_step(batch)
    image = read_image(result.img_path)
    found = result.pred_panoptic_seg.sem_seg[0].cpu().numpy()
    truth = true_segments(dataset.get_data_info(index))
    row = [draw_segments(image, ids, palette) for ids in (truth, found)]
    if not hasattr(model, 'instance_head'):
        return row
    data = model.data_preprocessor(batch, training=False)
    _, centre, offset = model._forward(data['inputs'])
    height, width = result.img_shape[:2]
    maps = [it[0, :, :height, :width].cpu().numpy() for it in (centre, offset)]
    things = (found >= INSTANCE_OFFSET).astype(np.uint8)
    mask = cv2.resize(things, (width, height), interpolation=cv2.INTER_NEAREST)
    drawn = cv2.resize(draw_offsets(maps[1], mask), image.shape[1::-1])
    return [*row, overlay(image, maps[0][0].clip(0, 1)), drawn]
