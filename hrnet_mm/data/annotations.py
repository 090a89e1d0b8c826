"""A COCO annotation file as annotation tools write it, in the form that libraries read.

mmpose, mmdet and pycocotools read the same format and differ in what they assume of it.
Here it is described once: what is clear is brought into that form, what is not is an
error that names file, annotation and field. https://cocodataset.org/#format-data
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.fileio import get_local_path, get_text
from mmengine.logging import print_log
from pycocotools import mask

from .checked import shortened

Size = tuple[int, int]
Item = dict[str, Any]
Id = (int, str, float)


class AnnotationError(ValueError):
    """An entry of an annotation file whose meaning is not clear."""


class Annotations:
    """The content of an annotation file, checked entry by entry.

    Entries are changed in place: ids become unique positive integers where they are
    not, numbers in strings become numbers, missing sizes, boxes, areas, counts and
    crowd flags are computed from what is there, and outlines become lists of polygons
    or run lengths.

    Args:
        content: What the file holds.
        file: Its name, for messages.
        find_size: Width and height of the image of a ``file_name``.

    Attributes:
        content: In the form that all libraries read.
        changes: How many entries were changed or left out, by the reason.

    Raises:
        AnnotationError: if an entry has no clear meaning.
    """

    def __init__(
        self, content: Any, file: str, find_size: Callable[[str], Size]
    ) -> None:
        self.file = file
        self.find_size = find_size
        self.changes: Counter[str] = Counter()
        if not isinstance(content, Mapping) or 'images' not in content:
            raise AnnotationError(
                f'{file} is no annotation file in the format of COCO: it needs '
                '`images`, `annotations` and `categories`'
            )
        self.content = dict(content)
        self.content.setdefault('annotations', [])
        for name in ('images', 'annotations', 'categories'):
            if name in self.content:
                self.content[name] = self._listed(name)
        self._joints: dict[Any, int] = {}
        self._check_images()
        if 'categories' in self.content:
            self._check_categories()
        self._check_annotations()

    def _listed(self, name: str) -> list[Item]:
        entries = self.content[name]
        if isinstance(entries, Mapping):  # by id
            self.changes[f'{name} by id instead of in a list'] += len(entries)
            entries = list(entries.values())
        if not isinstance(entries, list) or not all(
            isinstance(entry, Mapping) for entry in entries
        ):
            raise AnnotationError(f'`{name}` of {self.file} is no list of entries')
        return [dict(entry) for entry in entries]

    def _check_images(self) -> None:
        kept: dict[Any, Item] = {}
        for number, image in enumerate(self.content['images']):
            name = image.get('file_name')
            if not isinstance(name, str) or not name:
                self._fail(f'image {image.get("id", number)}', 'has no file_name')
            place = f'image {name}'
            if not isinstance(image.get('id'), Id):
                self._fail(place, f'has id={image.get("id")!r}')
            before = kept.setdefault(image['id'], image)
            if before['file_name'] != name:
                self._fail(place, f'has the id of {before["file_name"]}')
            if before is not image:
                self.changes['images that are listed twice'] += 1
                continue
            self._set_size(image, place)
        self.content['images'] = list(kept.values())
        self._image_ids = self._numbered(self.content['images'], 'image')
        self._sizes = {
            image['id']: (image['width'], image['height'])
            for image in self.content['images']
        }
        self._names = {image['id']: image['file_name'] for image in kept.values()}

    def _set_size(self, image: Item, place: str) -> None:
        size = [image.get(key) for key in ('width', 'height')]
        if not all(size):
            size = list(self.find_size(image['file_name']))
            self.changes['images without width and height: read from the files'] += 1
        width, height = (
            self._number(value, place, name)
            for value, name in zip(size, ('width', 'height'), strict=True)
        )
        image['width'], image['height'] = int(width), int(height)

    def _numbered(self, entries: Sequence[Item], kind: str) -> dict[Any, Any]:
        """Give entries ids that are integers; old ids with the new ones."""
        ids = [entry['id'] for entry in entries]
        if all(type(value) is int for value in ids):
            return {value: value for value in ids}
        self.changes[f'ids of a {kind} that are no integers: numbered from 1'] += len(
            ids
        )
        new = {value: number for number, value in enumerate(ids, start=1)}
        for entry in entries:
            entry['id'] = new[entry['id']]
        return new

    def _check_categories(self) -> None:
        kept: dict[Any, Item] = {}
        for category in self.content['categories']:
            if not isinstance(category.get('id'), Id) or 'name' not in category:
                self._fail(f'category {category}', 'needs an id and a name')
            same = kept.setdefault(category['id'], category)
            if same['name'] != category['name']:
                name, other = category['name'], same['name']
                self._fail(f'category {name}', f'has the id of {other}')
        names = Counter(category['name'] for category in kept.values())
        for name, times in names.items():
            if times > 1:
                self._fail(f'category {name}', f'has {times} ids')
        self.content['categories'] = list(kept.values())
        self._category_ids = self._numbered(self.content['categories'], 'category')
        self._joints = {
            category['id']: len(category.get('keypoints') or ())
            for category in self.content['categories']
        }

    def _check_annotations(self) -> None:
        kept = []
        for number, annotation in enumerate(self.content['annotations']):
            place = f'annotation {annotation.get("id", number)}'
            image = annotation.get('image_id')
            if not isinstance(image, Id) or image not in self._image_ids:
                self.changes['annotations of images that are not in `images`'] += 1
                continue
            annotation['image_id'] = self._image_ids[image]
            place += f' of {self._names[annotation["image_id"]]}'
            self._check_annotation(annotation, place)
            kept.append(annotation)
        if self.content['annotations'] and not kept:
            raise AnnotationError(
                f'{self.file}: no image_id of its annotations is the id of an image'
            )
        self.content['annotations'] = kept
        ids = [annotation.get('id') for annotation in kept]
        if len(set(ids)) < len(ids) or not all(type(i) is int and i > 0 for i in ids):
            # pycocotools takes id 0 for no match, and mixes entries of one id
            self.changes['annotation ids not unique or not positive: numbered'] += 1
            for number, annotation in enumerate(kept, start=1):
                annotation['id'] = number

    def _check_annotation(self, annotation: Item, place: str) -> None:
        self._set_category(annotation, place)
        size = self._sizes[annotation['image_id']]
        if 'segmentation' in annotation:
            outline = annotation['segmentation']
            annotation['segmentation'] = self._outline(outline, size, place)
        if 'keypoints' in annotation:
            self._check_keypoints(annotation, place)
        self._set_box(annotation, size, place)
        if annotation.get('iscrowd') is None:
            self.changes['annotations without iscrowd: 0'] += 1
            annotation['iscrowd'] = 0
        crowd = self._number(annotation['iscrowd'], place, 'iscrowd')
        annotation['iscrowd'] = int(crowd != 0)
        if annotation.get('area') is not None:
            annotation['area'] = self._number(annotation['area'], place, 'area')
        elif 'bbox' in annotation:
            self.changes['annotations without area: that of outline or box'] += 1
            annotation['area'] = area_of(annotation, size)

    def _set_category(self, annotation: Item, place: str) -> None:
        if 'categories' not in self.content:
            return
        category = annotation.get('category_id')
        if not isinstance(category, Id) or category not in self._category_ids:
            known = shortened([repr(value) for value in self._category_ids])
            self._fail(place, f'has category_id={category!r}; `categories` has {known}')
        annotation['category_id'] = self._category_ids[category]

    def _set_box(self, annotation: Item, size: Size, place: str) -> None:
        box = annotation.get('bbox')
        if box:
            if not isinstance(box, list) or len(box) != 4:
                self._fail(place, f'has bbox={box!r}: it takes x, y, width, height')
            annotation['bbox'] = [self._number(v, place, f'bbox={box}') for v in box]
        elif annotation.get('segmentation'):
            self.changes['annotations without bbox: that of the outline'] += 1
            annotation['bbox'] = box_of(annotation['segmentation'], size)
        else:
            self.changes['annotations without bbox'] += 1
            annotation.pop('bbox', None)

    def _check_keypoints(self, annotation: Item, place: str) -> None:
        given = annotation['keypoints']
        points = self._numbers(given, place, 'keypoints')
        joints = self._joints.get(annotation.get('category_id')) or len(points) // 3
        if len(points) != 3 * joints:
            self._fail(
                place,
                f'has {len(points)} numbers in keypoints, not x, y, visibility of '
                f'{joints} keypoints',
            )
        triples = points.reshape(-1, 3)
        unseen = ~(triples[:, 2] > 0)
        if not np.isfinite(triples[~unseen]).all():
            self._fail(place, 'has a visible keypoint whose coordinates are no numbers')
        if not np.isfinite(triples).all():
            self.changes['invisible keypoints without numbers: 0'] += 1
            triples[unseen] = 0
            annotation['keypoints'] = points.tolist()
        count = len(triples) - int(unseen.sum())
        given = annotation.get('num_keypoints')
        if not given and given != count:
            self.changes['annotations without num_keypoints: counted'] += 1
            annotation['num_keypoints'] = count

    def _outline(self, outline: Any, size: Size, place: str) -> Any:
        """Polygons of at least three points, or run lengths."""
        if not outline:
            return []
        if isinstance(outline, Mapping):
            return self._run_lengths(outline, size, place)
        if not isinstance(outline, list):
            self._fail(place, f'has segmentation={str(outline)[:60]}')
        if all(isinstance(part, Mapping) and 'counts' in part for part in outline):
            self.changes['lists of run lengths: merged'] += 1
            parts = [self._run_lengths(part, size, place) for part in outline]
            merged = mask.merge([compressed(part, size) for part in parts])
            return dict(size=merged['size'], counts=merged['counts'].decode())
        if not isinstance(outline[0], (list, Mapping)):
            self.changes['polygons outside a list'] += 1
            outline = [outline]
        polygons = [self._polygon(polygon, place) for polygon in outline]
        kept = [polygon for polygon in polygons if len(polygon) >= 6]
        self.changes['polygons of fewer than three points: left out'] += len(
            polygons
        ) - len(kept)
        return kept

    def _polygon(self, polygon: Any, place: str) -> list[float]:
        points = [
            [point.get('x'), point.get('y')] if isinstance(point, Mapping) else point
            for point in polygon
        ]
        values = self._numbers(points, place, 'a polygon')
        if len(values) % 2 or not np.isfinite(values).all():
            self._fail(place, f'has a polygon that is no list of points: {points[:4]}')
        if points and not isinstance(points[0], (int, float)):
            self.changes['polygons of nested points or strings'] += 1
            return values.tolist()
        return polygon

    def _run_lengths(self, outline: Mapping, size: Size, place: str) -> Item:
        width, height = size
        if list(outline.get('size') or ()) != [height, width]:
            self._fail(
                place,
                f'has a segmentation of size {outline.get("size")} (height, width), '
                f'and its image is {height} x {width}',
            )
        if not outline.get('counts'):
            self._fail(place, 'has a segmentation without counts')
        return dict(outline)

    def _numbers(self, values: Any, place: str, field: str) -> np.ndarray:
        """A flat array; what stands for nothing is NaN."""
        try:
            return np.array(values, dtype=float).ravel()
        except (TypeError, ValueError):
            self._fail(place, f'has {field} that are no numbers: {str(values)[:60]}')
            raise

    def _number(self, value: Any, place: str, field: str) -> Any:
        """A finite number, also if it is written as a string."""
        if isinstance(value, str):
            self.changes['numbers in strings'] += 1
            with suppress(ValueError):
                value = float(value)
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            self._fail(place, f'has {field}: {value!r} is no number')
        return value

    def _fail(self, place: str, why: str) -> None:
        raise AnnotationError(f'{place} in {self.file} {why}')


def compressed(outline: Any, size: Size) -> Any:
    """Run lengths as pycocotools takes them, of any outline."""
    width, height = size
    if isinstance(outline, list):
        return mask.merge(mask.frPyObjects(outline, height, width))
    if isinstance(outline['counts'], list):
        return mask.frPyObjects(outline, height, width)
    return outline


def area_of(annotation: Item, size: Size) -> float:
    """Return the area of the outline if there is one, else of the box, in pixels."""
    if outline := annotation.get('segmentation'):
        return float(mask.area(compressed(outline, size)))
    _, _, width, height = annotation['bbox']
    return width * height


def box_of(outline: Any, size: Size) -> list[float]:
    """x, y, width, height of an outline."""
    return [float(v) for v in mask.toBbox(compressed(outline, size))]


@contextmanager
def readable(file: str, folder: str = '') -> Iterator[str]:
    """The path of an annotation file that every library reads.

    That of the file itself, if there is nothing to change.

    Args:
        file: A path or an address of mmengine's file backends.
        folder: Of its images, whose sizes are read where the file has none.

    Raises:
        AnnotationError: if the meaning of an entry is not clear.
    """
    try:
        content = json.loads(get_text(file))
    except json.JSONDecodeError as error:
        raise AnnotationError(f'{file} is no JSON file: {error}') from None

    def find_size(name: str) -> Size:
        from PIL import Image, ImageOps

        with (
            get_local_path(os.path.join(folder, name)) as path,
            Image.open(path) as image,
        ):
            return ImageOps.exif_transpose(image).size

    annotations = Annotations(content, file, find_size)
    changes = +annotations.changes
    for reason, times in changes.items():
        print_log(f'{file}: {times} {reason}', 'current')
    if not changes:
        with get_local_path(file) as path:
            yield str(path)
        return
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, Path(file).name)
        path.write_text(json.dumps(annotations.content))
        yield str(path)
