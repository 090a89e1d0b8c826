"""Predictions as data: COCO results, label maps, and a table of classes."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from itertools import count
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from hrnet_mm.datasets.metainfo import complete_palette
from hrnet_mm.files import write_atomically

from .sources import Frame

# COCO numbers its 80 classes from 1 to 90; these ids are not used
UNUSED_COCO_IDS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
COCO_ENDS = ('person', 'toothbrush')  # its first and its last class


class ImageIds:
    """The ids of images in COCO files.

    Args:
        images: The ``images`` of an annotation file, which give the id of each file
            name. Without them, a name that is a number, such as ``000000000139.jpg`` of
            COCO, is an id. All other images are numbered after them.
        sources: The path or URL of each image to predict. An id that several of them
            would have belongs to none of them.
    """

    def __init__(
        self, images: Sequence[dict[str, Any]] = (), sources: Sequence[str] = ()
    ) -> None:
        by_name: dict[str, list[tuple[str, Any]]] = {}
        for image in images:
            path = str(image['file_name'])
            by_name.setdefault(PurePath(path).name, []).append((path, image['id']))
        found = {
            source: _listed_id(source, by_name) if images else _number_of(source)
            for source in dict.fromkeys(sources)
        }
        times = Counter(found.values())
        self._known = {
            k: v for k, v in found.items() if v is not None and times[v] == 1
        }
        self._used = {image['id'] for image in images} | set(self._known.values())
        self._given: dict[str, int] = {}

    def find(self, source: str) -> Any:
        """Return the id of an image that is listed or a number, otherwise None."""
        return self._known.get(source)

    def assign(self, frame: Frame) -> Any:
        """Return the id of an image, a new one if it has none."""
        found = None if frame.video else self.find(frame.source)
        if found is None and frame.name not in self._given:
            new = next(i for i in count(len(self._given) + 1) if i not in self._used)
            self._given[frame.name] = new
            self._used.add(new)
        return self._given[frame.name] if found is None else found


def _number_of(source: str) -> int | None:
    stem = PurePath(source).stem
    return int(stem) if stem.isascii() and stem.isdigit() else None


def _listed_id(source: str, by_name: dict[str, list[tuple[str, Any]]]) -> Any:
    # the image with the longest path that the source ends with; None if in doubt
    path = PurePath(urlsplit(source).path if '://' in source else source)
    listed = by_name.get(path.name, [])
    ends = [
        (len(PurePath(name).parts), number)
        for name, number in listed
        if path.parts[-len(PurePath(name).parts) :] == PurePath(name).parts
    ]
    longest = max((length for length, _ in ends), default=0)
    best = {number for length, number in ends if length == longest}
    if not best and len(listed) == 1:  # listed with folders that were not given
        best = {listed[0][1]}
    return best.pop() if len(best) == 1 else None


def class_categories(
    classes: Sequence[str], given: Sequence[dict[str, Any]] = ()
) -> list[dict[str, Any]]:
    """Return the COCO category of each class.

    Args:
        classes: The names of the classes of a model.
        given: The ``categories`` of an annotation file, whose ids are used. Other
            classes get the next ids that are not used; COCO's 80 classes those of COCO.
    """
    ids = {category['name']: category['id'] for category in given}
    is_coco = len(classes) == 80 and (classes[0], classes[79]) == COCO_ENDS
    numbers = (i for i in count(1) if not is_coco or i not in UNUSED_COCO_IDS)
    free = (i for i in numbers if i not in ids.values())
    return [
        dict(id=ids[name] if name in ids else next(free), name=name) for name in classes
    ]


class CocoResults:
    """Writer of ``predictions.json`` and ``images.json``, COCO's result format.

    ``COCO('images.json').loadRes('predictions.json')`` reads them, and so does any tool
    that scores results. https://cocodataset.org/#format-results

    Args:
        folder: The output folder.
        ids: The ids of the images.
        categories: The categories of the model.
        entries_of: A function that returns the results of an image, dicts without
            ``image_id``.
    """

    def __init__(
        self,
        folder: Path,
        ids: ImageIds,
        categories: Sequence[dict[str, Any]],
        entries_of: Any,
    ) -> None:
        self._folder, self._ids, self._entries_of = folder, ids, entries_of
        self._categories = categories
        self._images: list[dict[str, Any]] = []
        self._results: list[dict[str, Any]] = []

    def add(self, frame: Frame, size: tuple[int, int], result: Any) -> None:
        """Add the result of an image of a width and height."""
        image = dict(
            id=self._ids.assign(frame),
            file_name=frame.file_name,
            width=size[0],
            height=size[1],
        )
        if frame.video is not None:
            image |= dict(video_id=frame.video.number, frame_id=frame.index)
        self._images.append(image)
        for entry in self._entries_of(result):
            self._results.append(dict(image_id=image['id'], **entry))

    def close(self) -> None:
        """Write both files."""
        described = dict(
            images=self._images, annotations=[], categories=self._categories
        )
        for name, content in (
            ('images.json', described),
            ('predictions.json', self._results),
        ):
            write_atomically(self._folder / name, json.dumps(content).encode())


class LabelMaps:
    """Writer of label maps: PNG files with a palette and one class index per pixel.

    Args:
        folder: The output folder; the files are in its folder ``labels``.
        classes: The names of the classes.
        palette: Their colours: red, green, blue, 0 to 255.
        labels_of: A function that returns the labels of a result, (H, W).
    """

    def __init__(
        self, folder: Path, classes: Sequence[str], palette: Any, labels_of: Any
    ) -> None:
        self._folder, self._labels_of = folder, labels_of
        colours = complete_palette(palette, len(classes))
        self._palette = np.array(colours, np.uint8).ravel()[: 3 * 256].tolist()
        self._classes = list(classes)

    def add(self, frame: Frame, size: tuple[int, int], result: Any) -> None:
        """Write the label map of an image."""
        labels = np.asarray(self._labels_of(result))
        few = len(self._classes) <= 256
        picture = Image.fromarray(labels.astype(np.uint8 if few else np.uint16))
        if few:
            picture.putpalette(self._palette)
        content = io.BytesIO()
        picture.save(content, 'png')
        path = self._folder / 'labels' / f'{frame.name}.png'
        write_atomically(path, content.getvalue())

    def close(self) -> None:
        """Write the names of the classes, in the order of the labels."""
        content = ''.join(f'{name}\n' for name in self._classes)
        write_atomically(self._folder / 'classes.txt', content.encode())


class DepthMaps:
    """Writer of depth maps: PNG files of 16 bits, in 1/256 m as those of KITTI.

    Args:
        folder: The output folder; the files are in its folder ``depth``.
        depth_of: A function that returns the depth of a result, (H, W), in metres.
    """

    SCALE = 256  # up to 255 m, in steps of 4 mm

    def __init__(self, folder: Path, depth_of: Any) -> None:
        self._folder, self._depth_of = folder, depth_of

    def add(self, frame: Frame, size: tuple[int, int], result: Any) -> None:
        """Write the depth map of an image."""
        stored = np.rint(self.SCALE * np.asarray(self._depth_of(result)))
        picture = Image.fromarray(stored.clip(0, 65535).astype(np.uint16))
        content = io.BytesIO()
        picture.save(content, 'png')
        path = self._folder / 'depth' / f'{frame.name}.png'
        write_atomically(path, content.getvalue())

    def close(self) -> None:
        """Do nothing: each file is complete."""


class ClassTable:
    """Writer of ``predictions.csv``: the most probable classes of each image.

    Args:
        folder: The output folder.
        classes: The names of the classes.
        scores_of: A function that returns the scores of a result, (C,).
        top: The number of classes of each image.
    """

    COLUMNS = ('file', 'frame', 'rank', 'label', 'class', 'score')

    def __init__(
        self, folder: Path, classes: Sequence[str], scores_of: Any, top: int = 5
    ) -> None:
        self._folder, self._classes = folder, classes
        self._scores_of, self._top = scores_of, top
        self._rows: list[tuple[Any, ...]] = []

    def add(self, frame: Frame, size: tuple[int, int], result: Any) -> None:
        """Add the result of an image."""
        scores = np.asarray(self._scores_of(result))
        best = np.argsort(-scores, kind='stable')[: self._top].tolist()
        for rank, label in enumerate(best, start=1):
            row = (rank, label, self._classes[label], f'{scores[label]:.6f}')
            self._rows.append((frame.source, frame.index, *row))

    def close(self) -> None:
        """Write the file."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator='\n')
        table.writerows([self.COLUMNS, *self._rows])
        # names of files may be any bytes
        content = text.getvalue().encode('utf-8', 'surrogateescape')
        write_atomically(self._folder / 'predictions.csv', content)
