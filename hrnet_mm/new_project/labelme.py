"""Reads JSON files of LabelMe: one for each image, with shapes in groups.

https://github.com/wkentaro/labelme. A point is a keypoint, its label the name of the
keypoint; it is hidden if it has the flag ``occluded`` or ``hidden``. Points and the
rectangle of an object have the same ``group_id``.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as run_lengths

from .collection import Collection, FormatError, ImageFiles
from .grouping import Shape, add_shapes

HIDDEN = ('occluded', 'hidden')


def is_labelme(path: Path) -> bool:
    """Return whether a JSON file is of LabelMe."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and 'shapes' in content and 'imagePath' in content


def read(folder: Path, files: ImageFiles) -> Collection:
    """Read all files below a folder.

    Raises:
        FormatError: If a file has a shape that cannot be an object or a keypoint.
    """
    collection = Collection(files, folder)
    for path in sorted(folder.rglob('*.json')):
        try:
            content = json.loads(path.read_text())
            name, shapes = content['imagePath'], content['shapes']
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError(f'{path} is not a file of LabelMe: {error!r}') from None
        size = (content.get('imageWidth') or 0, content.get('imageHeight') or 0)
        if image := collection.add_image(name, size):
            where = str(path)
            parts = [_shape(it, image, where) for it in shapes]
            add_shapes(collection, image, parts, where)
    return collection.finish()


def _shape(entry: dict[str, Any], image: dict[str, Any], where: str) -> Shape:
    kind, label = entry.get('shape_type', 'polygon'), str(entry['label'])
    shape = Shape(label, entry.get('group_id'))
    points = [[float(x), float(y)] for x, y in entry['points']]
    if kind == 'rectangle' and len(points) in (2, 4):
        low, high = np.min(points, axis=0), np.max(points, axis=0)
        shape.box = [*low, *(high - low)]
    elif kind == 'polygon' and len(points) > 2:
        shape.polygon = [value for point in points for value in point]
    elif kind == 'point' and len(points) == 1:
        flags = entry.get('flags') or {}
        hidden = any(flags.get(flag) for flag in HIDDEN)
        shape.point = (*points[0], 1 if hidden else 2)  # type: ignore[assignment]
    elif kind == 'mask' and len(points) == 2:
        shape.mask = _mask(entry, image, where)
    else:
        raise FormatError(
            f'{where} has a {kind} of {len(points)} points ({label}); rectangles, '
            'polygons, masks and single points are read. Change it in LabelMe'
        )
    return shape


def _mask(entry: dict[str, Any], image: dict[str, Any], where: str) -> dict[str, Any]:
    try:
        content = io.BytesIO(base64.b64decode(entry['mask']))
        inner = np.asarray(Image.open(content)) > 0
    except (KeyError, TypeError, OSError, binascii.Error) as error:
        raise FormatError(f'{where} has an unreadable mask: {error!r}') from None
    x, y = (round(min(values)) for values in zip(*entry['points'], strict=True))
    return place_mask(inner, (x, y), (image['width'], image['height']))


def place_mask(
    inner: np.ndarray, at: tuple[int, int], size: tuple[int, int]
) -> dict[str, Any]:
    """Return the run lengths of a mask that covers a part of an image.

    Args:
        inner: (H, W), boolean.
        at: x and y of its first pixel.
        size: Width and height of the image.
    """
    (x, y), (width, height) = at, size
    whole = np.zeros((height, width), np.uint8, order='F')
    part = whole[y : y + inner.shape[0], x : x + inner.shape[1]]
    part[:] = inner[: part.shape[0], : part.shape[1]]
    encoded = run_lengths.encode(whole)
    return dict(size=[height, width], counts=encoded['counts'].decode())
