"""A COCO annotation file as annotation tools write it, in the form that libraries read.

mmpose, mmdet and pycocotools read the same format and differ in what they assume of it.
Here it is described once: what is clear is brought into that form, what is not is an
error that names file, annotation and field. https://cocodataset.org/#format-data
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from mmengine.fileio import get_local_path, get_text, join_path
from mmengine.logging import print_log
from PIL import Image, ImageOps, UnidentifiedImageError

from hrnet_mm.messages import shortened

from .outlines import (
    Size,
    are_numbers,
    area_of,
    as_array,
    as_numbers,
    box_of,
    read_outline,
)

Item = dict[str, Any]
Id = (int, str, float)
NO_IMAGE = 'annotations left out: their images are not in `images`'


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
        warnings: What is hardly meant as it is written.

    Raises:
        AnnotationError: if an entry has no clear meaning.
    """

    def __init__(
        self, content: Any, file: str, find_size: Callable[[str], Size]
    ) -> None:
        self.file = file
        self.find_size = find_size
        self.changes: Counter[str] = Counter()
        self.warnings: list[str] = []
        if not isinstance(content, dict) or 'images' not in content:
            raise AnnotationError(
                f'{file} is no annotation file in the format of COCO: it needs '
                '`images`, `annotations` and `categories`'
            )
        self.content = dict(content)
        self.content.setdefault('annotations', [])
        for name in ('images', 'annotations', 'categories'):
            if name in self.content:
                self.content[name] = self._listed(name)
        self._check_images()
        if 'categories' not in self.content:
            self._name_categories()
        self._check_categories()
        self._check_annotations()
        self._check_boxes()

    def _listed(self, name: str) -> list[Item]:
        entries = self.content[name]
        if isinstance(entries, dict):  # by id
            self.changes[f'{name} by id instead of in a list'] += len(entries)
            entries = list(entries.values())
        if not isinstance(entries, list) or not all(
            isinstance(entry, dict) for entry in entries
        ):
            raise AnnotationError(f'`{name}` of {self.file} is no list of entries')
        return entries

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
        self._images = {image['id']: image for image in self.content['images']}

    def _set_size(self, image: Item, place: str) -> None:
        if not (image.get('width') and image.get('height')):
            image['width'], image['height'] = self.find_size(image['file_name'])
            self.changes['images without width and height: read from the files'] += 1
        try:
            image['width'] = int(self._number(image, 'width'))
            image['height'] = int(self._number(image, 'height'))
        except ValueError as error:
            self._fail(place, str(error))

    def _numbered(self, entries: Sequence[Item], kind: str) -> dict[Any, Any]:
        """Give entries ids that are integers; the old ids, or strings, with them."""
        ids = [entry['id'] for entry in entries]
        new = {value: value for value in ids}
        if not all(type(value) is int for value in ids):
            self.changes[f'ids of a {kind} that are no integers: numbered'] += len(ids)
            new = {value: number for number, value in enumerate(ids, start=1)}
        for entry in entries:
            entry['id'] = new[entry['id']]
        return {str(old): number for old, number in new.items()} | new

    def _name_categories(self) -> None:
        self.changes['`categories` missing: made of the ids in its annotations'] += 1
        ids = {
            annotation.setdefault('category_id', 1)
            for annotation in self.content['annotations']
        }
        self.content['categories'] = [
            dict(id=value, name=str(value)) for value in sorted(ids, key=str)
        ]

    def _find(self, value: Any, ids: dict[Any, Any]) -> Any:
        """The new id for one that an annotation refers to; None if there is none."""
        if not isinstance(value, Id) or value not in ids:
            return None
        if ids[value] != value:
            self.changes['references to ids by strings, or to new ids'] += 1
        return ids[value]

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
        self._without_areas = self._has_no_areas()
        for number, annotation in enumerate(self.content['annotations']):
            if annotation.get('image_id') is None:
                place = f'annotation {annotation.get("id", number)}'
                self._fail(place, 'has no image_id')
            image = self._find(annotation['image_id'], self._image_ids)
            if image is None:
                self.changes[NO_IMAGE] += 1
                continue
            annotation['image_id'] = image
            kept.append(annotation)
            try:
                self._check_annotation(annotation)
            except ValueError as error:
                name = self._images[annotation['image_id']]['file_name']
                place = f'annotation {annotation.get("id", number)} of {name}'
                self._fail(place, str(error))
        if self.content['annotations'] and not kept:
            raise AnnotationError(
                f'{self.file}: no image_id of its annotations is the id of an image'
            )
        if self.changes[NO_IMAGE] > len(kept):
            self.warnings.append('most of its annotations belong to no image of it')
        self.content['annotations'] = kept
        self._number_annotations()

    def _number_annotations(self) -> None:
        kept = self.content['annotations']
        ids = [annotation.get('id') for annotation in kept]
        if len(set(ids)) < len(ids) or not all(type(i) is int and i > 0 for i in ids):
            # pycocotools takes id 0 for no match, and mixes entries of one id
            self.changes['annotation ids not unique or not positive: numbered'] += 1
            for number, annotation in enumerate(kept, start=1):
                annotation['id'] = number

    def _has_no_areas(self) -> bool:
        """Whether a tool wrote 0 for every area."""
        areas = [annotation.get('area') for annotation in self.content['annotations']]
        return not any(areas)

    def _check_annotation(self, annotation: Item) -> None:
        image = self._images[annotation['image_id']]
        size = (image['width'], image['height'])
        self._set_category(annotation)
        if 'segmentation' in annotation:
            annotation['segmentation'] = read_outline(
                annotation['segmentation'], size, self.changes
            )
        if 'keypoints' in annotation:
            self._check_keypoints(annotation)
        self._set_box(annotation, size)
        if annotation.get('iscrowd') is None:
            self.changes['annotations without iscrowd: 0'] += 1
            annotation['iscrowd'] = 0
        annotation['iscrowd'] = int(self._number(annotation, 'iscrowd') != 0)
        self._set_area(annotation, size)

    def _set_category(self, annotation: Item) -> None:
        """One that is not listed stays: data sets leave it out, and say so."""
        category = annotation.get('category_id')
        known = self._find(category, self._category_ids)
        if known is not None:
            annotation['category_id'] = known
        elif type(category) is not int:
            names = shortened([it['name'] for it in self.content['categories']])
            raise ValueError(
                f'has category_id={category!r}, which is the id of none of {names}'
            )

    def _set_box(self, annotation: Item, size: Size) -> None:
        box = annotation.get('bbox')
        if box:
            if not isinstance(box, list) or len(box) != 4:
                raise ValueError(f'has bbox={box!r}: it takes x, y, width, height')
            if not are_numbers(box):
                self.changes['boxes of strings'] += 1
                annotation['bbox'] = as_numbers(box, 'bbox').tolist()
        elif annotation.get('segmentation'):
            self.changes['annotations without bbox: that of the outline'] += 1
            annotation['bbox'] = box_of(annotation['segmentation'], size)
        elif 'bbox' in annotation:
            self.changes['annotations with an empty bbox: without one'] += 1
            del annotation['bbox']

    def _set_area(self, annotation: Item, size: Size) -> None:
        if annotation.get('area') is not None and not self._without_areas:
            annotation['area'] = self._number(annotation, 'area')
        elif outline := annotation.get('segmentation'):
            self.changes['annotations without area: that of the outline'] += 1
            annotation['area'] = area_of(outline, size)
        elif 'bbox' in annotation:
            self.changes['annotations without area: that of the box'] += 1
            _, _, width, height = annotation['bbox']
            annotation['area'] = width * height

    def _check_keypoints(self, annotation: Item) -> None:
        points = as_array(annotation['keypoints'], 'keypoints')
        joints = self._joints.get(annotation.get('category_id')) or len(points) // 3
        if len(points) != 3 * joints:
            raise ValueError(
                f'has {len(points)} numbers in keypoints, not x, y, visibility of '
                f'{joints} keypoints'
            )
        triples = points.reshape(-1, 3)
        unseen = ~(triples[:, 2] > 0)
        if not np.isfinite(triples[~unseen]).all():
            raise ValueError('has a visible keypoint whose coordinates are no numbers')
        if not np.isfinite(triples).all():
            self.changes['invisible keypoints without numbers: 0'] += 1
            triples[unseen] = 0
            annotation['keypoints'] = points.tolist()
        count = len(triples) - int(unseen.sum())
        given = annotation.get('num_keypoints')
        if not given and given != count:
            self.changes['annotations without num_keypoints: counted'] += 1
            annotation['num_keypoints'] = count

    def _check_boxes(self) -> None:
        """Refuse boxes that cannot be those of this file; warn of doubtful ones."""
        entries = [a for a in self.content['annotations'] if 'bbox' in a]
        if not entries:
            return
        boxes = np.array([entry['bbox'] for entry in entries], dtype=float)
        images = [self._images[entry['image_id']] for entry in entries]
        sizes = np.array([(image['width'], image['height']) for image in images])
        ends = boxes[:, :2] + boxes[:, 2:]
        if (ends <= 1).all():
            raise AnnotationError(
                f'all {len(boxes)} boxes of {self.file} lie inside one pixel: bbox '
                'takes x, y, width, height in pixels, not in shares of the image'
            )
        leaving = int((ends > sizes + 1).any(axis=1).sum())
        if leaving == len(boxes) and leaving > 1:
            raise AnnotationError(
                f'all {leaving} boxes of {self.file} leave their images: bbox takes '
                'x, y, width, height (not the corners x1, y1, x2, y2), and `images` '
                'the width and height of the image as it is loaded'
            )
        if corners := self._boxes_of_corners(entries):
            raise AnnotationError(
                f'the boxes of {self.file} are corners, x1, y1, x2, y2 ({corners} of '
                'them are those of their outlines): bbox takes x, y, width, height'
            )
        if leaving > len(boxes) / 2:
            self.warnings.append(
                f'{leaving} of {len(boxes)} boxes leave their images: see whether bbox '
                'is x, y, width, height, and width and height of `images` are right'
            )

    def _boxes_of_corners(self, entries: Sequence[Item]) -> int:
        """How many boxes are x1, y1, x2, y2 of their polygons; 0 if one is not."""
        number = 0
        for entry in entries:
            outline = entry.get('segmentation')
            if not isinstance(outline, list) or not outline:
                continue
            points = np.concatenate([np.reshape(part, (-1, 2)) for part in outline])
            low, high = points.min(axis=0), points.max(axis=0)
            if np.abs(np.concatenate([low, high]) - entry['bbox']).max() > 2:
                return 0
            if low.max() > 4:  # else a size is not told from a corner
                number += 1
        return number

    def _number(self, entry: Item, field: str) -> Any:
        """A finite number, also if it is written as a string."""
        value = entry[field]
        if isinstance(value, str):
            self.changes['numbers in strings'] += 1
        return value if are_numbers([value]) else as_numbers(value, field).item()

    def _fail(self, place: str, why: str) -> NoReturn:
        raise AnnotationError(f'{place} in {self.file} {why}')


_copies: dict[str, str] = {}  # by the file as it is now
_folder: list[tempfile.TemporaryDirectory] = []


def readable(
    file: str, images: str = '', backend_args: dict[str, Any] | None = None
) -> str:
    """Return the path of an annotation file that every library reads.

    It is the file itself, if nothing is to be changed, else a copy, which lives as long
    as the process: a metric reads the copy that the data set made.

    Args:
        file: A path or an address of mmengine's file backends.
        images: The folder of its images, whose sizes are read where the file has none.
        backend_args: Of mmengine's file functions.

    Raises:
        AnnotationError: if the meaning of an entry is not clear.
    """
    state = os.stat(file) if os.path.exists(file) else None
    version = f'{os.path.abspath(file)} {state.st_mtime_ns}' if state else file
    if version in _copies:
        return _copies[version]
    try:
        content = json.loads(get_text(file, backend_args=backend_args))
    except json.JSONDecodeError as error:
        raise AnnotationError(f'{file} is no JSON file: {error}') from None

    def find_size(name: str) -> Size:
        path = join_path(images, name, backend_args=backend_args)
        with get_local_path(path, backend_args=backend_args) as local:
            return size_as_loaded(local)

    annotations = Annotations(content, file, find_size)
    for warning in annotations.warnings:
        print_log(f'{file}: {warning}', 'current', logging.WARNING)
    for reason, times in annotations.changes.items():
        print_log(f'{file}: {reason} ({times})', 'current')
    _copies[version] = file
    if annotations.changes:
        _folder[:] = _folder or [tempfile.TemporaryDirectory()]
        copy = Path(_folder[0].name, f'{len(_copies)}_{Path(file).name}')
        copy.write_text(json.dumps(annotations.content))
        _copies[version] = str(copy)
    return _copies[version]


def size_as_loaded(path: str | Path) -> Size:
    """Width and height of an image, turned by its EXIF orientation."""
    try:
        with Image.open(path) as image:
            return ImageOps.exif_transpose(image).size
    except (OSError, UnidentifiedImageError) as error:
        raise AnnotationError(
            f'image {path} is listed without width and height, and its size cannot be '
            f'read: {error}'
        ) from None
