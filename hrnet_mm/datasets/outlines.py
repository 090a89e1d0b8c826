"""Functions that read the segmentations and numbers of COCO annotations.

https://cocodataset.org/#format-data
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
from pycocotools import mask

Size = tuple[int, int]


def normalize_outline(outline: Any, size: Size, changes: Counter[str]) -> Any:
    """Convert a ``segmentation`` to a form that all libraries read.

    Args:
        outline: The value of ``segmentation``.
        size: Width and height of the image, in pixels.
        changes: A counter of the conversions.

    Returns:
        A list of polygons of at least three points, a dict of run lengths, or an empty
        list.

    Raises:
        ValueError: If the value is ambiguous. The message is a predicate, to be put
            after the name of the annotation.
    """
    if not outline:
        if outline != []:
            changes['empty segmentations: replaced by []'] += 1
        return []
    if isinstance(outline, dict):
        return _check_run_lengths(outline, size)
    if not isinstance(outline, list):
        raise ValueError(f'has segmentation={str(outline)[:60]}')
    if all(isinstance(part, dict) and 'counts' in part for part in outline):
        changes['lists of run lengths: merged'] += 1
        parts = [
            to_run_lengths(_check_run_lengths(part, size), size) for part in outline
        ]
        merged = mask.merge(parts)
        return dict(size=merged['size'], counts=merged['counts'].decode())
    if not isinstance(outline[0], (list, dict)):
        changes['polygons that are not in a list: put into one'] += 1
        outline = [outline]
    polygons = [_polygon(polygon, changes) for polygon in outline]
    kept = [polygon for polygon in polygons if len(polygon) >= 6]
    if len(kept) < len(polygons):
        changes['polygons of fewer than three points: removed'] += 1
    return kept


def _polygon(polygon: Any, changes: Counter[str]) -> list[float]:
    if not isinstance(polygon, list):
        raise ValueError(f'has a polygon that is not a list of points: {polygon!r}')
    if not are_finite_numbers(polygon):
        changes['polygons of nested points or strings: converted'] += 1
        points = [
            [point.get('x'), point.get('y')] if isinstance(point, dict) else point
            for point in polygon
        ]
        polygon = to_finite_array(points, 'a polygon').tolist()
    if len(polygon) % 2:
        raise ValueError(
            f'has a polygon of {len(polygon)} numbers, but needs pairs x, y'
        )
    return polygon


def _check_run_lengths(outline: dict, size: Size) -> dict[str, Any]:
    width, height = size
    if list(outline.get('size') or ()) != [height, width]:
        raise ValueError(
            f'has a segmentation of size {outline.get("size")} (height, width), '
            f'but its image is {height} x {width}'
        )
    if not outline.get('counts'):
        raise ValueError('has a segmentation without counts')
    return dict(outline)


def are_finite_numbers(values: list) -> bool:
    """Return whether all values are finite numbers of type int or float."""
    return {*map(type, values)} <= {int, float} and math.isfinite(sum(values))


def to_finite_array(values: Any, field: str) -> np.ndarray:
    """Convert values, which may be strings, to a flat array of finite numbers.

    Raises:
        ValueError: If a value is not a finite number.
    """
    array = to_array(values, field)
    if not np.isfinite(array).all():
        raise ValueError(f'has {field}={str(values)[:60]}: not numbers')
    return array


def to_array(values: Any, field: str) -> np.ndarray:
    """Convert values, which may be strings or None, to a flat array; None becomes NaN.

    Raises:
        ValueError: If a value is not a number.
    """
    try:
        return np.array(values, dtype=float).ravel()
    except (TypeError, ValueError):
        short = str(values)[:60]
        raise ValueError(f'has {field}={short}: not numbers') from None


def to_run_lengths(outline: Any, size: Size) -> Any:
    """Convert an outline to the compressed run lengths of pycocotools."""
    width, height = size
    if isinstance(outline, list):
        return mask.merge(mask.frPyObjects(outline, height, width))
    if isinstance(outline['counts'], list):
        return mask.frPyObjects(outline, height, width)
    return outline


def outline_area(outline: Any, size: Size) -> float:
    """Return the area of an outline in pixels."""
    return float(mask.area(to_run_lengths(outline, size)))


def outline_box(outline: Any, size: Size) -> list[float]:
    """Return the bounding box of an outline: x, y, width, height."""
    return [float(v) for v in mask.toBbox(to_run_lengths(outline, size))]
