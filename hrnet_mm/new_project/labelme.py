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
from pycocotools import mask as run_lengths

from hrnet_mm.datasets.image_files import open_image

from .collection import Collection, FormatError, ImageFiles, read_numbers, reading
from .grouping import Shape, add_shapes

HIDDEN = ('occluded', 'hidden')


def is_labelme(path: Path) -> bool:
    """Return whether a JSON file is of LabelMe."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and 'shapes' in content and 'imagePath' in content


def read(folder: Path, files: ImageFiles) -> Collection:
    """Read all files below a folder.

    Raises:
        FormatError: If a file has a shape that cannot be an object or a keypoint.
    """
    collection = Collection(files, folder)
    for path in sorted(folder.rglob('*.json')):
        with reading(path, 'LabelMe'):
            _read_file(path, collection)
    return collection.finish()


def _read_file(path: Path, collection: Collection) -> None:
    name, shapes, size = _content(path)
    if image := collection.add_image(name, size):
        parts = [
            _shape(it, image, f'{path}, shape {number}')
            for number, it in enumerate(shapes, start=1)
        ]
        add_shapes(collection, image, parts, str(path))


def _content(path: Path) -> tuple[str, list[Any], tuple[int, int]]:
    try:
        content = json.loads(path.read_text())
        name, shapes = content['imagePath'], content['shapes']
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f'{path} is not a file of LabelMe: {error!r}') from None
    if not isinstance(name, str) or not name:
        raise FormatError(f'{path} has imagePath={name!r}: expected the name of a file')
    if not isinstance(shapes, list):
        raise FormatError(f'{path} has shapes={shapes!r}: expected a list')
    given = [content.get(side) or 0 for side in ('imageWidth', 'imageHeight')]
    width, height = read_numbers(given, f'{path}, imageWidth and imageHeight,')
    return name, shapes, (int(width), int(height))


def _check(entry: Any, where: str) -> None:
    if not isinstance(entry, dict):
        raise FormatError(f'{where} is {str(entry)[:60]!r}, not a shape of LabelMe')
    label, points = entry.get('label'), entry.get('points')
    if not isinstance(label, str) or not label.strip():
        raise FormatError(f'{where} has label={label!r}: write the label in LabelMe')
    if not isinstance(points, list) or not all(
        isinstance(point, list) and len(point) == 2 for point in points
    ):
        raise FormatError(
            f'{where} ({label}) has points={str(points)[:60]}: expected a list of '
            '[x, y]'
        )


def _shape(entry: dict[str, Any], image: dict[str, Any], where: str) -> Shape:
    _check(entry, where)
    kind, label = entry.get('shape_type', 'polygon'), entry['label']
    shape = Shape(label, entry.get('group_id'))
    points = [read_numbers(point, f'{where} ({label})') for point in entry['points']]
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
    size = (image['width'], image['height'])
    try:
        with open_image(io.BytesIO(base64.b64decode(entry['mask']))) as mask:
            check_mask_size(mask.size, size, where)
            inner = np.asarray(mask) > 0
    except (KeyError, TypeError, OSError, SyntaxError, binascii.Error) as error:
        raise FormatError(f'{where} has an unreadable mask: {error!r}') from None
    x, y = (round(min(values)) for values in zip(*entry['points'], strict=True))
    return place_mask(inner, (x, y), size)


def check_mask_size(mask: tuple[int, int], image: tuple[int, int], where: str) -> None:
    """Check the size of a mask before it is decoded.

    Args:
        mask: Width and height.
        image: Those of the image.
        where: The file and the shape, for the message.

    Raises:
        FormatError: If the mask is empty or larger than the image.
    """
    if min(mask) < 1 or mask[0] > image[0] or mask[1] > image[1]:
        raise FormatError(
            f'{where} has a mask of {mask[0]} x {mask[1]}, but its image is '
            f'{image[0]} x {image[1]} (width x height)'
        )


def place_mask(
    inner: np.ndarray, at: tuple[int, int], size: tuple[int, int]
) -> dict[str, Any]:
    """Return the run lengths of a mask that covers a part of an image.

    Args:
        inner: (H, W), boolean; what is outside of the image is cut off.
        at: x and y of its first pixel, which may be outside.
        size: Width and height of the image.
    """
    (x, y), (width, height) = at, size
    whole = np.zeros((height, width), np.uint8, order='F')
    top, left = max(y, 0), max(x, 0)
    inner = inner[top - y :, left - x :]
    part = whole[top : top + inner.shape[0], left : left + inner.shape[1]]
    part[:] = inner[: part.shape[0], : part.shape[1]]
    encoded = run_lengths.encode(whole)
    return dict(size=[height, width], counts=encoded['counts'].decode())
