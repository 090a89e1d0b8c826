"""Normalization of COCO annotation files, so that all libraries read them alike.

mmpose, mmdet and pycocotools read the same format with different assumptions. Entries
with a clear meaning are converted to a form that fits all of them; any other entry
raises an error that names file, annotation and field. https://cocodataset.org/#format-data
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

from hrnet_mm.messages import shortened

from .image_files import size_as_loaded
from .outlines import (
    Size,
    are_finite_numbers,
    normalize_outline,
    outline_area,
    outline_box,
    to_array,
    to_finite_array,
)

Item = dict[str, Any]
Id = (int, str, float)
NO_IMAGE = 'annotations of images that are not in `images`: removed'


class AnnotationError(ValueError):
    """An error for an ambiguous or invalid entry of an annotation file."""


class Annotations:
    """The content of an annotation file, checked entry by entry.

    Entries are modified in place: ids become unique positive integers, strings become
    numbers, missing sizes, boxes, areas, counts and crowd flags are computed, and
    outlines become lists of polygons or run lengths.

    Args:
        content: The parsed JSON of the file.
        file: The path of the file, for messages.
        find_size: A function that returns width and height of an image by its
            ``file_name``.

    Attributes:
        content: The normalized content.
        changes: The number of entries that were changed or removed, by the reason.
        warnings: Messages about entries that are probably wrong.
        unknown_images: The annotations of images that are not in ``images``.

    Raises:
        AnnotationError: If an entry is ambiguous or invalid.
    """

    def __init__(
        self, content: Any, file: str, find_size: Callable[[str], Size]
    ) -> None:
        self.file = file
        self.find_size = find_size
        self.changes: Counter[str] = Counter()
        self.warnings: list[str] = []
        self.unknown_images: list[str] = []
        if not isinstance(content, dict) or 'images' not in content:
            raise AnnotationError(
                f'{file} is not a COCO annotation file: it needs `images`, '
                '`annotations` and `categories`'
            )
        self.content = dict(content)
        self.content.setdefault('annotations', [])
        for name in ('images', 'annotations', 'categories'):
            if name in self.content:
                self.content[name] = self._read_entries(name)
        self._check_images()
        if 'categories' not in self.content:
            self._name_categories()
        self._check_categories()
        self._check_annotations()
        self._check_boxes()

    def _read_entries(self, name: str) -> list[Item]:
        entries = self.content[name]
        if isinstance(entries, dict):  # by id
            self.changes[f'{name} as a dict by id: converted to a list'] += len(entries)
            entries = list(entries.values())
        if not isinstance(entries, list) or not all(
            isinstance(entry, dict) for entry in entries
        ):
            raise AnnotationError(f'`{name}` of {self.file} is not a list of dicts')
        return entries

    def _check_images(self) -> None:
        kept: dict[Any, Item] = {}
        for number, image in enumerate(self.content['images']):
            name = image.get('file_name')
            if not isinstance(name, str) or not name:
                self._fail(f'image {image.get("id", number)}', 'has no file_name')
            label = f'image {name}'
            if not isinstance(image.get('id'), Id):
                self._fail(label, f'has id={image.get("id")!r}')
            before = kept.setdefault(image['id'], image)
            if before['file_name'] != name:
                self._fail(label, f'has the id of {before["file_name"]}')
            if before is not image:
                self.changes['images that are listed twice: merged'] += 1
                continue
            self._set_size(image, label)
        self.content['images'] = list(kept.values())
        self._image_ids = self._assign_ids(self.content['images'], 'image')
        self._images = {image['id']: image for image in self.content['images']}

    def _set_size(self, image: Item, label: str) -> None:
        if not (image.get('width') and image.get('height')):
            image['width'], image['height'] = self.find_size(image['file_name'])
            self.changes[
                'images without width and height: read from the image files'
            ] += 1
        try:
            image['width'] = int(self._read_number(image, 'width'))
            image['height'] = int(self._read_number(image, 'height'))
        except ValueError as error:
            self._fail(label, str(error))

    def _assign_ids(self, entries: Sequence[Item], kind: str) -> dict[Any, Any]:
        """Make the ids of entries integers; return the new id by each old one."""
        ids = [entry['id'] for entry in entries]
        new = {value: value for value in ids}
        if not all(type(value) is int for value in ids):
            self.changes[f'{kind} ids that are not integers: renumbered'] += len(ids)
            new = {value: number for number, value in enumerate(ids, start=1)}
        for entry in entries:
            entry['id'] = new[entry['id']]
        return {str(old): number for old, number in new.items()} | new

    def _name_categories(self) -> None:
        self.changes[
            '`categories` missing: created from the category ids of the annotations'
        ] += 1
        ids = {
            annotation.setdefault('category_id', 1)
            for annotation in self.content['annotations']
        }
        self.content['categories'] = [
            dict(id=value, name=str(value)) for value in sorted(ids, key=str)
        ]

    def _count_skeleton_from_1(self, category: Item) -> None:
        # ATRW and Animal Kingdom in MMPose's form count from 0
        links: Any = category.get('skeleton')
        names: Any = category.get('keypoints')
        try:
            ends = {end for a, b in links for end in (a, b)}
            from_0 = 0 in ends <= {*range(len(names))}
        except (TypeError, ValueError):  # no pairs of numbers; nothing here reads them
            return
        if from_0:
            category['skeleton'] = [[a + 1, b + 1] for a, b in links]
            self.changes['skeletons that counted keypoints from 0: updated'] += 1

    def _find_id(self, value: Any, ids: dict[Any, Any]) -> Any:
        """Return the new id for a reference in an annotation; None if there is none."""
        if not isinstance(value, Id) or value not in ids:
            return None
        if ids[value] != value:
            self.changes[
                'references to ids that were strings or renumbered: updated'
            ] += 1
        return ids[value]

    def _check_categories(self) -> None:
        kept: dict[Any, Item] = {}
        for category in self.content['categories']:
            name = category.get('name')
            if isinstance(name, int | float):
                category['name'] = name = str(name)
                self.changes['names of categories that were numbers: made text'] += 1
            if not isinstance(category.get('id'), Id) or not isinstance(name, str):
                given = {key: category.get(key) for key in ('id', 'name')}
                self._fail(f'category {given}', 'needs an id and a name of text')
            same = kept.setdefault(category['id'], category)
            if same['name'] != category['name']:
                name, other = category['name'], same['name']
                self._fail(f'category {name}', f'has the id of {other}')
        for category in kept.values():
            self._count_skeleton_from_1(category)
        names = Counter(category['name'] for category in kept.values())
        for name, times in names.items():
            if times > 1:
                self._fail(f'category {name}', f'has {times} ids')
        self.content['categories'] = list(kept.values())
        self._category_ids = self._assign_ids(self.content['categories'], 'category')
        self._keypoint_counts = {
            category['id']: len(category.get('keypoints') or ())
            for category in self.content['categories']
        }

    def _check_annotations(self) -> None:
        kept = []
        self._without_areas = self._has_no_area()
        for number, annotation in enumerate(self.content['annotations']):
            if annotation.get('image_id') is None:
                label = f'annotation {annotation.get("id", number)}'
                self._fail(label, 'has no image_id')
            image = self._find_id(annotation['image_id'], self._image_ids)
            if image is None:
                self.changes[NO_IMAGE] += 1
                label = f'annotation {annotation.get("id", number)}'
                self.unknown_images.append(f'{label} of {annotation["image_id"]!r}')
                continue
            annotation['image_id'] = image
            kept.append(annotation)
            try:
                self._check_annotation(annotation)
            except ValueError as error:
                name = self._images[annotation['image_id']]['file_name']
                label = f'annotation {annotation.get("id", number)} of {name}'
                self._fail(label, str(error))
        if self.content['annotations'] and not kept:
            raise AnnotationError(
                f'{self.file}: no annotation has an image_id that is in `images`'
            )
        if self.changes[NO_IMAGE] > len(kept):
            self.warnings.append(
                'most annotations have an image_id that is not in `images`'
            )
        self.content['annotations'] = kept
        self._number_annotations()

    def _number_annotations(self) -> None:
        kept = self.content['annotations']
        ids = [annotation.get('id') for annotation in kept]
        if len(set(ids)) < len(ids) or not all(type(i) is int and i > 0 for i in ids):
            # pycocotools reads id 0 as "no match", and mixes up entries with equal ids
            self.changes['annotation ids not unique or not positive: renumbered'] += 1
            for number, annotation in enumerate(kept, start=1):
                annotation['id'] = number

    def _has_no_area(self) -> bool:
        # some tools write 0 for every area
        areas = [annotation.get('area') for annotation in self.content['annotations']]
        return not any(areas)

    def _check_annotation(self, annotation: Item) -> None:
        image = self._images[annotation['image_id']]
        size = (image['width'], image['height'])
        self._set_category(annotation)
        if 'segmentation' in annotation:
            annotation['segmentation'] = normalize_outline(
                annotation['segmentation'], size, self.changes
            )
        if 'keypoints' in annotation:
            self._check_keypoints(annotation)
        self._set_box(annotation, size)
        if annotation.get('iscrowd') is None:
            self.changes['annotations without iscrowd: set to 0'] += 1
            annotation['iscrowd'] = 0
        annotation['iscrowd'] = int(self._read_number(annotation, 'iscrowd') != 0)
        self._set_area(annotation, size)

    def _set_category(self, annotation: Item) -> None:
        # an unknown integer stays: data sets leave the annotation out, with a message
        category = annotation.get('category_id')
        known = self._find_id(category, self._category_ids)
        if known is not None:
            annotation['category_id'] = known
        elif type(category) is not int:
            names = shortened([it['name'] for it in self.content['categories']])
            raise ValueError(
                f'has category_id={category!r}, which is not the id of any of {names}'
            )

    def _set_box(self, annotation: Item, size: Size) -> None:
        box = annotation.get('bbox')
        if box:
            if not isinstance(box, list) or len(box) != 4:
                raise ValueError(f'has bbox={box!r}, but needs x, y, width, height')
            if not are_finite_numbers(box):
                self.changes['boxes of strings: converted to numbers'] += 1
                annotation['bbox'] = to_finite_array(box, 'bbox').tolist()
        elif annotation.get('segmentation'):
            self.changes['annotations without bbox: computed from the outline'] += 1
            annotation['bbox'] = outline_box(annotation['segmentation'], size)
        elif 'bbox' in annotation:
            self.changes['annotations with an empty bbox: bbox removed'] += 1
            del annotation['bbox']

    def _set_area(self, annotation: Item, size: Size) -> None:
        if annotation.get('area') is not None and not self._without_areas:
            annotation['area'] = self._read_number(annotation, 'area')
        elif outline := annotation.get('segmentation'):
            self.changes['annotations without area: computed from the outline'] += 1
            annotation['area'] = outline_area(outline, size)
        elif 'bbox' in annotation:
            self.changes['annotations without area: computed from the box'] += 1
            _, _, width, height = annotation['bbox']
            annotation['area'] = width * height

    def _check_keypoints(self, annotation: Item) -> None:
        points = to_array(annotation['keypoints'], 'keypoints')
        category = annotation.get('category_id')
        keypoints = self._keypoint_counts.get(category) or len(points) // 3
        if len(points) != 3 * keypoints:
            raise ValueError(
                f'has {len(points)} numbers in keypoints, not x, y, visibility of '
                f'{keypoints} keypoints'
            )
        if len(points) > len(annotation['keypoints']):  # RHD in MMPose's form
            self.changes['keypoints with a list for each: made one list'] += 1
            annotation['keypoints'] = points.tolist()
        triples = points.reshape(-1, 3)
        unseen = ~(triples[:, 2] > 0)
        if not np.isfinite(triples[~unseen]).all():
            raise ValueError('has a visible keypoint whose coordinates are not numbers')
        if not np.isfinite(triples).all():
            self.changes['invisible keypoints without coordinates: set to 0'] += 1
            triples[unseen] = 0
            annotation['keypoints'] = points.tolist()
        count = len(triples) - int(unseen.sum())
        given = annotation.get('num_keypoints')
        if not given and given != count:
            self.changes[
                'annotations without num_keypoints: counted from keypoints'
            ] += 1
            annotation['num_keypoints'] = count

    def _check_boxes(self) -> None:
        """Reject boxes that are not x, y, width, height in pixels; warn if unsure."""
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
                'must be x, y, width, height in pixels, not relative to the image size'
            )
        leaving = int((ends > sizes + 1).any(axis=1).sum())
        if leaving == len(boxes) and leaving > 1:
            raise AnnotationError(
                f'all {leaving} boxes of {self.file} leave their images: bbox must be '
                'x, y, width, height (not the corners x1, y1, x2, y2), and `images` '
                'must have the width and height of the image as it is loaded'
            )
        if corners := self._count_corner_boxes(entries):
            raise AnnotationError(
                f'the boxes of {self.file} are corners, x1, y1, x2, y2 ({corners} of '
                'them equal the corners of their outlines): bbox must be x, y, width, '
                'height'
            )
        if leaving > len(boxes) / 2:
            self.warnings.append(
                f'{leaving} of {len(boxes)} boxes leave their images: check that bbox '
                'is x, y, width, height, and that `images` has the right sizes'
            )

    def _count_corner_boxes(self, entries: Sequence[Item]) -> int:
        """Count boxes that equal x1, y1, x2, y2 of their polygons; 0 if one differs."""
        number = 0
        for entry in entries:
            outline = entry.get('segmentation')
            if not isinstance(outline, list) or not outline:
                continue
            points = np.concatenate([np.reshape(part, (-1, 2)) for part in outline])
            low, high = points.min(axis=0), points.max(axis=0)
            if np.abs(np.concatenate([low, high]) - entry['bbox']).max() > 2:
                return 0
            if low.max() > 4:  # else corner and size are too similar to tell
                number += 1
        return number

    def _read_number(self, entry: Item, field: str) -> Any:
        """Return a finite number, which may be written as a string."""
        value = entry[field]
        if isinstance(value, str):
            self.changes['numbers in strings: converted'] += 1
        return (
            value
            if are_finite_numbers([value])
            else to_finite_array(value, field).item()
        )

    def _fail(self, name: str, why: str) -> NoReturn:
        raise AnnotationError(f'{name} in {self.file} {why}')


def read_json(file: str, backend_args: dict[str, Any] | None = None) -> Any:
    """Return the content of a JSON file, a path or a URL of mmengine's file backends.

    Raises:
        AnnotationError: If the file is not a JSON file.
    """
    try:
        return json.loads(get_text(file, backend_args=backend_args))
    except (json.JSONDecodeError, UnicodeDecodeError, IsADirectoryError) as error:
        raise AnnotationError(f'{file} is not a JSON file: {error}') from None


Reader = Callable[[str, dict[str, Any] | None], Any]
"""Reads a file, or a folder of files, and returns its content in COCO format."""


def read_annotations(
    file: str,
    images: str = '',
    backend_args: dict[str, Any] | None = None,
    reader: Reader = read_json,
) -> Annotations:
    """Read and normalize a COCO annotation file; see ``normalize_annotations``."""
    content = reader(file, backend_args)

    def find_size(name: str) -> Size:
        path = join_path(images, name, backend_args=backend_args)
        try:
            with get_local_path(path, backend_args=backend_args) as local:
                return size_as_loaded(local)
        except OSError as error:
            raise AnnotationError(
                f'image {path} is listed without width and height, and its size '
                f'cannot be read: {error}'
            ) from None

    return Annotations(content, file, find_size)


_copies: dict[tuple[str, Reader], str] = {}  # by path and time of modification
_folder: list[tempfile.TemporaryDirectory] = []


def normalize_annotations(
    file: str,
    images: str = '',
    backend_args: dict[str, Any] | None = None,
    reader: Reader = read_json,
) -> str:
    """Return the path of a normalized copy of a COCO annotation file.

    If nothing has to be changed, this is the file itself. A copy exists as long as the
    process: a metric reads the same copy as the data set.

    Args:
        file: A path or a URL of mmengine's file backends.
        images: The folder of the images; image files are read only if the annotation
            file has no sizes.
        backend_args: Arguments of mmengine's file functions.
        reader: The function that reads ``file``, if it has another format.

    Raises:
        AnnotationError: If an entry is ambiguous or invalid.
    """
    state = os.stat(file) if os.path.exists(file) else None
    path = f'{os.path.abspath(file)} {state.st_mtime_ns}' if state else file
    version = (path, reader)
    if version in _copies:
        return _copies[version]
    annotations = read_annotations(file, images, backend_args, reader)
    for warning in annotations.warnings:
        print_log(f'{file}: {warning}', 'current', logging.WARNING)
    for reason, times in annotations.changes.items():
        print_log(f'{file}: {reason} ({times})', 'current')
    _copies[version] = file
    if annotations.changes or reader is not read_json:
        _folder[:] = _folder or [tempfile.TemporaryDirectory()]
        copy = Path(_folder[0].name, f'{len(_copies)}_{Path(file).stem}.json')
        copy.write_text(json.dumps(annotations.content))
        _copies[version] = str(copy)
    return _copies[version]
