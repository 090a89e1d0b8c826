"""Reads data sets of Ultralytics YOLO: ``data.yaml`` and a text file for each image.

https://docs.ultralytics.com/datasets. A line is a class and numbers relative to the
image size: a box (centre, width, height), a box and keypoints, or a polygon.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hrnet_mm.tiny_people.skeleton import KEYPOINTS

from .collection import (
    Collection,
    FormatError,
    ImageFiles,
    Points,
    check_names,
    list_images,
    read_numbers,
    reading,
)  # fmt: skip

NAMES = ('classes.txt', 'obj.names')
COCO_FLIPS = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]


@dataclass
class Layout:
    """The contents of ``data.yaml``.

    Args:
        classes: Names of the classes.
        shape: Number of keypoints and of values of each (2 or 3); (0, 0) without.
        keypoints: Names of the keypoints.
        flips: For each keypoint the index of its mirrored one.
    """

    classes: list[str]
    shape: tuple[int, int] = (0, 0)
    keypoints: Sequence[str] = ()
    flips: Sequence[int] = ()


def read(source: Path, files: ImageFiles | None) -> dict[str, Collection]:
    """Read a data set.

    Args:
        source: ``data.yaml``, or a folder of labels with ``classes.txt``.
        files: The images, needed for a folder of labels.

    Returns:
        Collections by split: ``'train'`` and ``'val'`` of ``data.yaml``, otherwise
        ``''``.

    Raises:
        FormatError: If a file is missing or a line has an unexpected form.
    """
    if source.is_dir():
        return {'': _read_folder(source, files)}
    try:
        with reading(source, 'YOLO'):
            content = yaml.safe_load(source.read_text())
            layout = _layout(content, source)
    except yaml.YAMLError as error:
        raise FormatError(f'{source} is not a data.yaml of YOLO: {error!r}') from None
    root = source.parent / str(content.get('path') or '')
    root = root if root.is_dir() else source.parent
    folders = {
        split: _folder(root, content[split], source)
        for split in ('train', 'val')
        if content.get(split)
    }
    found = {
        split: _read_split(folder, layout, source) for split, folder in folders.items()
    }
    if 'train' not in found:
        raise FormatError(f'{source} has no `train:` with the folder of its images')
    return found if len(found) > 1 else {'': found['train']}


def _names(content: dict[str, Any], source: Path) -> list[str]:
    names = content.get('names') if isinstance(content, dict) else None
    if isinstance(names, dict) and sorted(names) == [*range(len(names))]:
        names = [names[i] for i in range(len(names))]
    if not isinstance(names, list) or not names:
        raise FormatError(
            f'{source} has names={str(names)[:60]}: expected a list of the names of '
            'the classes, or a name for each number from 0'
        )
    # YAML reads 7 as a number, and no as false
    classes = [str(it) if type(it) in (int, float) else it for it in names]
    check_names(classes, 'classes', source)
    return classes


def _layout(content: dict[str, Any], source: Path) -> Layout:
    classes = _names(content, source)
    if not content.get('kpt_shape'):
        return Layout(classes)
    shape = content['kpt_shape']
    number, values = shape if isinstance(shape, list) and len(shape) == 2 else (0, 0)
    flips = content.get('flip_idx') or []
    fits = type(number) is int and values in (2, 3)
    if not fits or (flips and sorted(flips) != [*range(number)]):
        raise FormatError(
            f'{source}: kpt_shape={shape} and flip_idx={flips} do not fit: '
            'expected [keypoints, 2 or 3] and each index once'
        )
    given = content.get('kpt_names') or {}
    given = given if isinstance(given, list) else next(iter(given.values()), [])
    if len(given) != number:
        coco = number == len(KEYPOINTS) and flips == COCO_FLIPS
        given = KEYPOINTS if coco else [f'keypoint_{i}' for i in range(1, number + 1)]
    check_names(given, 'keypoints', source)
    return Layout(classes, (number, values), [*given], flips)


def _folder(root: Path, entry: Any, source: Path) -> Path:
    folder = root / str(entry)
    if not folder.is_dir():
        # exports write paths such as ../train/images that hold from another folder
        folder = source.parent / str(entry).replace('../', '')
    if not folder.is_dir():
        raise FormatError(
            f'{source} names {entry}, which is not a folder of images below {root}. '
            'Lists of images are not read: name the folder'
        )
    return folder


def _read_folder(folder: Path, files: ImageFiles | None) -> Collection:
    names = next((folder / n for n in NAMES if (folder / n).is_file()), None)
    names = names or next(
        (folder.parent / n for n in NAMES if (folder.parent / n).is_file()), None
    )
    if names is None or files is None:
        raise FormatError(
            f'{folder} is a folder of YOLO labels: use its data.yaml, or set --images '
            f'and put {NAMES[0]} with the names of the classes beside the labels'
        )
    layout = Layout([name.strip() for name in names.read_text().rstrip().split('\n')])
    check_names(layout.classes, 'classes', names)
    labels = {
        path.stem: path for path in folder.rglob('*.txt') if path.name not in NAMES
    }
    return _fill(Collection(files, folder), labels, layout)


def _read_split(folder: Path, layout: Layout, source: Path) -> Collection:
    files = ImageFiles(folder)
    labels = {}
    for name in list_images(folder):
        head, _, tail = (folder / name).as_posix().rpartition('/images/')
        label = Path(f'{head}/labels/{tail}').with_suffix('.txt')
        if label.is_file():
            labels[name] = label
    if not labels:
        raise FormatError(
            f'{source}: the images in {folder} have no labels. YOLO expects them in '
            'the same path with `labels` in place of `images`'
        )
    return _fill(Collection(files, source), labels, layout)


def _fill(
    collection: Collection, labels: dict[str, Path], layout: Layout
) -> Collection:
    names = layout.keypoints
    links = {names[i]: names[j] for i, j in enumerate(layout.flips) if i != j}
    collection.swaps = links
    for category in layout.classes:
        collection.add_category(category, names)
    for name in [*labels]:
        image = collection.add_image(name)
        if image is None:
            continue
        with reading(labels[name], 'YOLO'):
            lines = labels[name].read_text().splitlines()
        for number, line in enumerate(lines, start=1):
            if line.strip():
                where = f'line {number} of {labels[name]}'
                _add_line(collection, image, line.split(), layout, where)
    background = set(collection.files.names) - {
        i['file_name'] for i in collection.images
    }
    for name in sorted(background):  # YOLO: images without a file have no object
        collection.add_image(name)
    if background:
        collection.notes['images without a label file: without objects'] += len(
            background
        )
    return collection.finish()


def _add_line(
    collection: Collection,
    image: dict[str, Any],
    words: list[str],
    layout: Layout,
    where: str,
) -> None:
    category, *values = read_numbers(words, where)
    if category not in range(len(layout.classes)):
        raise FormatError(
            f'{where} does not start with a class from 0 to {len(layout.classes) - 1}: '
            f'{" ".join(words)[:60]}'
        )
    name = layout.classes[int(category)]
    number, each = layout.shape
    size = (image['width'], image['height'])
    if number and len(values) == 4 + number * each:
        box, points = _box(values[:4], size, where), _points(values[4:], layout, size)
        collection.add_object(image, name, box, points=points)
    elif not number and len(values) == 4:
        collection.add_object(image, name, _box(values, size, where))
    elif not number and len(values) >= 6 and len(values) % 2 == 0:
        if len(values) == 8:
            collection.notes[
                'objects of four corners: read as outlines, not as rotated boxes'
            ] += 1
        _check_range(values, where)
        polygon = [value * size[i % 2] for i, value in enumerate(values)]
        collection.add_object(image, name, outline=[polygon])
    else:
        expected = f'4 + {number} x {each}' if number else '4, or pairs of a polygon'
        raise FormatError(
            f'{where} has {len(values)} numbers after the class; expected {expected}'
        )


def _check_range(values: Sequence[float], where: str) -> None:
    if min(values) < -0.01 or max(values) > 1.01:
        raise FormatError(
            f'{where} has numbers that are not from 0 to 1: YOLO divides them by '
            'width and height of the image'
        )


def _box(values: Sequence[float], size: tuple[int, int], where: str) -> list[float]:
    _check_range(values, where)
    x, y, width, height = values
    return [
        (x - width / 2) * size[0],
        (y - height / 2) * size[1],
        width * size[0],
        height * size[1],
    ]


def _points(values: Sequence[float], layout: Layout, size: tuple[int, int]) -> Points:
    number, each = layout.shape
    points: Points = {}
    for i in range(number):
        x, y, *visible = values[i * each : (i + 1) * each]
        # without visibility, unlabelled keypoints are at 0, 0 or negative
        seen = int(visible[0]) if visible else 2 * (x >= 0 and y >= 0 and x + y > 0)
        if seen:
            points[layout.keypoints[i]] = (x * size[0], y * size[1], min(seen, 2))
    return points
