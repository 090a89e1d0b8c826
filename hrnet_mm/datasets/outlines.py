"""Outlines in COCO annotations, as annotation tools write them.

https://cocodataset.org/#format-data
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
from pycocotools import mask

Size = tuple[int, int]


def read_outline(outline: Any, size: Size, changes: Counter[str]) -> Any:
    """Polygons of at least three points, or run lengths; an empty list for nothing.

    Args:
        outline: The value of ``segmentation``.
        size: Width and height of the image.
        changes: Counts what was changed.

    Raises:
        ValueError: if the meaning is not clear; the message follows ``annotation 5``.
    """
    if not outline:
        if outline != []:
            changes['empty outlines: an empty list'] += 1
        return []
    if isinstance(outline, dict):
        return _run_lengths(outline, size)
    if not isinstance(outline, list):
        raise ValueError(f'has segmentation={str(outline)[:60]}')
    if all(isinstance(part, dict) and 'counts' in part for part in outline):
        changes['lists of run lengths: merged'] += 1
        parts = [compressed(_run_lengths(part, size), size) for part in outline]
        merged = mask.merge(parts)
        return dict(size=merged['size'], counts=merged['counts'].decode())
    if not isinstance(outline[0], (list, dict)):
        changes['polygons outside a list'] += 1
        outline = [outline]
    polygons = [_polygon(polygon, changes) for polygon in outline]
    kept = [polygon for polygon in polygons if len(polygon) >= 6]
    if len(kept) < len(polygons):
        changes['polygons of fewer than three points: left out'] += 1
    return kept


def _polygon(polygon: Any, changes: Counter[str]) -> list[float]:
    if not isinstance(polygon, list):
        raise ValueError(f'has a polygon that is no list of points: {polygon!r}')
    if not are_numbers(polygon):
        changes['polygons of nested points or strings'] += 1
        points = [
            [point.get('x'), point.get('y')] if isinstance(point, dict) else point
            for point in polygon
        ]
        polygon = as_numbers(points, 'a polygon').tolist()
    if len(polygon) % 2:
        raise ValueError(f'has a polygon of {len(polygon)} numbers: it takes x, y, ...')
    return polygon


def _run_lengths(outline: dict, size: Size) -> dict[str, Any]:
    width, height = size
    if list(outline.get('size') or ()) != [height, width]:
        raise ValueError(
            f'has a segmentation of size {outline.get("size")} (height, width), '
            f'and its image is {height} x {width}'
        )
    if not outline.get('counts'):
        raise ValueError('has a segmentation without counts')
    return dict(outline)


def are_numbers(values: list) -> bool:
    """Whether all values are finite numbers."""
    return {*map(type, values)} <= {int, float} and math.isfinite(sum(values))


def as_numbers(values: Any, field: str) -> np.ndarray:
    """Return a flat array of finite numbers, also of strings.

    Raises:
        ValueError: if a value is no number.
    """
    array = as_array(values, field)
    if not np.isfinite(array).all():
        raise ValueError(f'has {field}={str(values)[:60]}, which are no numbers')
    return array


def as_array(values: Any, field: str) -> np.ndarray:
    """Return a flat array; what stands for nothing is NaN.

    Raises:
        ValueError: if a value is no number.
    """
    try:
        return np.array(values, dtype=float).ravel()
    except (TypeError, ValueError):
        short = str(values)[:60]
        raise ValueError(f'has {field}={short}, which are no numbers') from None


def compressed(outline: Any, size: Size) -> Any:
    """Run lengths as pycocotools takes them, of any outline."""
    width, height = size
    if isinstance(outline, list):
        return mask.merge(mask.frPyObjects(outline, height, width))
    if isinstance(outline['counts'], list):
        return mask.frPyObjects(outline, height, width)
    return outline


def area_of(outline: Any, size: Size) -> float:
    """Return the number of pixels in an outline."""
    return float(mask.area(compressed(outline, size)))


def box_of(outline: Any, size: Size) -> list[float]:
    """x, y, width, height of an outline."""
    return [float(v) for v in mask.toBbox(compressed(outline, size))]
