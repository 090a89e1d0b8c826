"""Visualization of TinyPeople: images above their annotations."""

import json
from pathlib import Path

import cv2
import numpy as np

from hrnet_mm.visualization import Skeleton, draw_skeleton

from .skeleton import KEYPOINTS, SKELETON

ZOOM = 2
GAP = 6

PALETTE = [
    (48, 52, 60),
    (250, 200, 92),
    (235, 110, 110),
    (120, 200, 130),
    (90, 150, 215),
]
"""The colour (red, green, blue) of each of ``CLASSES``."""


COCO = Skeleton(KEYPOINTS, [(a - 1, b - 1) for a, b in SKELETON])


def _read(path: Path, mode: int) -> np.ndarray:
    image = cv2.imread(str(path), mode)
    if image is None:
        raise FileNotFoundError(
            f'{path} is missing or damaged: remove the data set and render it again'
        )
    return image


def _draw_column(
    root: Path, split: str, name: str, annotations: list[dict]
) -> np.ndarray:
    image = _read(root / 'images' / split / name, cv2.IMREAD_COLOR)
    label_file = (root / 'labels' / split / name).with_suffix('.png')
    labels = _read(label_file, cv2.IMREAD_GRAYSCALE)
    size = (image.shape[1] * ZOOM, image.shape[0] * ZOOM)
    image = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    annotated = image.copy()
    for annotation in annotations:
        keypoints = np.reshape(annotation['keypoints'], (17, 3))
        draw_skeleton(annotated, keypoints, ZOOM, COCO)
    classes = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)
    parts = np.array(PALETTE, np.uint8)[classes][..., ::-1]
    return np.vstack([_add_frame(p) for p in (image, annotated, parts)])


def _add_frame(image: np.ndarray) -> np.ndarray:
    return np.pad(image, [(GAP // 2,) * 2] * 2 + [(0, 0)], constant_values=255)


def draw_contact_sheet(
    root: str | Path, split: str = 'train', n: int = 5
) -> np.ndarray:
    """Draw the first images of a split, each above its skeletons and its label map.

    Args:
        root: The folder of a ``TinyPeople``.
        split: The name of a split.
        n: The number of images, side by side.

    Returns:
        (H, W, 3), uint8, blue, green, red.
    """
    root = Path(root)
    truth = json.loads((root / 'annotations' / f'{split}.json').read_text())
    columns = [
        _draw_column(
            root,
            split,
            image['file_name'],
            [a for a in truth['annotations'] if a['image_id'] == image['id']],
        )
        for image in truth['images'][:n]
    ]
    return np.hstack(columns)


def save_sheet(root: str | Path, path: str | Path) -> None:
    """Draw a contact sheet of the validation split and write it to an image file."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    sheet = draw_contact_sheet(root, 'val', 6)
    Path(path).write_bytes(cv2.imencode(Path(path).suffix, sheet)[1].tobytes())
