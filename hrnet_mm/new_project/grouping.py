"""Objects whose box, outlines and keypoints are separate shapes with a group number."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hrnet_mm.messages import shortened

from .collection import Collection, FormatError, Points


@dataclass
class Shape:
    """A shape of an annotation tool; without geometry it only names the object.

    Args:
        label: Its label: the category, or the name of a keypoint.
        group: The group number, or None.
        box: x, y, width, height in pixels.
        polygon: x, y, x, y, ... in pixels.
        mask: Run lengths, as in COCO.
        point: x, y in pixels and COCO's visibility.
    """

    label: str
    group: Any = None
    box: list[float] | None = None
    polygon: list[float] | None = None
    mask: dict[str, Any] | None = None
    point: tuple[float, float, int] | None = None


@dataclass
class _Object:
    shapes: list[Shape] = field(default_factory=list)

    def add_to(self, collection: Collection, image: dict[str, Any], where: str) -> None:
        bodies = [shape for shape in self.shapes if shape.point is None]
        labels = {shape.label for shape in bodies}
        if len(labels) > 1:
            raise FormatError(
                f'{where} has a group of shapes of {shortened(sorted(labels))}: one '
                'object has one label. Ungroup them'
            )
        boxes = [shape.box for shape in bodies if shape.box]
        masks = [shape.mask for shape in bodies if shape.mask]
        polygons = [shape.polygon for shape in bodies if shape.polygon]
        if len(boxes) > 1 or len(masks) > 1 or (masks and polygons):
            raise FormatError(
                f'{where} has a group with several boxes or masks '
                f'({shortened(sorted(labels))}): one object has one. Ungroup them'
            )
        collection.add_object(
            image,
            labels.pop() if labels else 'object',
            box=boxes[0] if boxes else None,
            outline=masks[0] if masks else polygons or None,
            points=self._points(where),
        )

    def _points(self, where: str) -> Points:
        points: Points = {}
        for shape in self.shapes:
            if shape.point is None:
                continue
            if shape.label in points:
                raise FormatError(
                    f'{where} has two points {shape.label} in one object: give each '
                    'keypoint its own label, and each object its own group'
                )
            points[shape.label] = shape.point
        return points


def add_shapes(
    collection: Collection, image: dict[str, Any], shapes: list[Shape], where: str
) -> None:
    """Add the objects of an image.

    Shapes of a group are one object. A box or an outline without a group is an object
    of its own; points without a group belong to it if it is the only one.

    Args:
        collection: The collection to add to.
        image: The entry of the image.
        shapes: The shapes of the image.
        where: The file or the image, for messages.

    Raises:
        FormatError: If it is not clear which object a shape belongs to.
    """
    groups: dict[Any, _Object] = {}
    alone: list[_Object] = []
    loose: list[Shape] = []
    for shape in shapes:
        if shape.group is not None:
            groups.setdefault(shape.group, _Object()).shapes.append(shape)
        elif shape.point is None:
            alone.append(_Object([shape]))
        else:
            loose.append(shape)
    objects = [*groups.values(), *alone]
    if loose and len(objects) > 1:
        raise FormatError(
            f'{where} has points without a group ({loose[0].label}) and '
            f'{len(objects)} objects: give the points and the box of an object the '
            'same group'
        )
    if loose:
        objects = objects or [_Object()]
        objects[0].shapes += loose
    for it in objects:
        it.add_to(collection, image, where)
