"""Visualization of TinyPeople: images above their annotations."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from .skeleton import KEYPOINTS, SKELETON

ZOOM = 2
GAP = 6

# colours of keypoints by their side; blue, green, red
_LEFT, _RIGHT, _MIDDLE = (96, 208, 64), (48, 144, 255), (255, 176, 64)
_DARK = (32, 32, 32)
PALETTE = [
    (48, 52, 60),
    (250, 200, 92),
    (235, 110, 110),
    (120, 200, 130),
    (90, 150, 215),
]
"""The colour (red, green, blue) of each of ``CLASSES``."""


class Skeleton(NamedTuple):
    """The keypoints and links of a skeleton.

    Args:
        joints: Names of the K keypoints; a prefix ``left`` or ``right`` sets the
            colour.
        bones: Links, each as the indices of two keypoints, from 0.
    """

    joints: Sequence[str]
    bones: Sequence[tuple[int, int]]


COCO = Skeleton(KEYPOINTS, [(a - 1, b - 1) for a, b in SKELETON])

Colour = tuple[int, int, int]


def _side_colour(*joints: str) -> Colour:
    for side, colour in (('left', _LEFT), ('right', _RIGHT)):
        if all(joint.startswith(side) for joint in joints):
            return colour
    return _MIDDLE


def draw_skeleton(
    image: np.ndarray,
    keypoints: np.ndarray,
    zoom: int = ZOOM,
    skeleton: Skeleton = COCO,
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
        draw_skeleton(annotated, np.reshape(annotation['keypoints'], (17, 3)))
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
