"""Data sets that are folders: label maps beside images, and a folder for each class."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as run_lengths

from hrnet_mm.datasets.image_files import open_image
from hrnet_mm.datasets.outlines import to_run_lengths
from hrnet_mm.messages import shortened

from .collection import Collection, FormatError, list_images, read_size

IGNORED = 255
TRAIN, VAL = ('train',), ('val', 'valid', 'validation')


def split_folders(folder: Path) -> dict[str, Path]:
    """Return the subfolders ``train`` and ``val``, or the folder itself as ``''``."""
    found = {
        split: folder / name
        for split, names in (('train', TRAIN), ('val', VAL))
        for name in names
        if (folder / name).is_dir()
    }
    return found if len(found) == 2 else {'': folder}


@dataclass
class LabelMaps:
    """Images and their label maps.

    Args:
        images: The folder of the images.
        labels: The folder of the label maps.
        image_suffix: How the names of all images end.
        label_suffix: How the names of all label maps end.
        names: The paths of the images in their folder, without the suffix.
        values: The values of the label maps, without 255 unless only 0 and 255 occur.
    """

    images: Path
    labels: Path
    image_suffix: str
    label_suffix: str
    names: list[str]
    values: list[int] = field(default_factory=list)

    def size(self, name: str) -> tuple[int, int]:
        """Return width and height of an image."""
        return read_size(self.images / f'{name}{self.image_suffix}')


def read_label_maps(images: Path, labels: Path, suffix: str | None = None) -> LabelMaps:
    """Pair images with label maps, and read the values of the label maps.

    Args:
        images: The folder of the images.
        labels: The folder of the label maps, with the same subfolders.
        suffix: How the names of the label maps end, if it is not `.png` in place of the
            suffix of the image.

    Raises:
        FormatError: If an image has no label map, or a label map is not of class
            indices.
    """
    files = list_images(images)
    if not files:
        raise FormatError(f'{images} has no image')
    image_suffix, label_suffix = _suffixes(files, labels, suffix)
    wrong = [file for file in files if not file.endswith(image_suffix)]
    names = [file.removesuffix(image_suffix) for file in files]
    missing = [n for n in names if not (labels / f'{n}{label_suffix}').is_file()]
    if wrong or missing:
        raise FormatError(
            f'{len(wrong) + len(missing)} of {len(files)} images in {images} have no '
            f'label map in {labels} ({shortened(wrong + missing)}): expected names '
            f'that end in {image_suffix} and {label_suffix}. Set --label-suffix, or '
            'move these images'
        )
    found = LabelMaps(images, labels, image_suffix, label_suffix, names)
    found.values = _read_values(found)
    return found


def _suffixes(
    files: Sequence[str], labels: Path, suffix: str | None
) -> tuple[str, str]:
    first = Path(files[0])
    if suffix is None:
        return first.suffix, '.png'
    # a_leftImg8bit.png with a_gtFine_labelTrainIds.png: the common part is `a`
    stem = first.stem
    while stem and not (labels / first.parent / f'{stem}{suffix}').is_file():
        stem = stem[:-1]
    return first.name.removeprefix(stem), suffix


def _read_values(maps: LabelMaps) -> list[int]:
    values: set[int] = set()
    for name in maps.names:
        path = maps.labels / f'{name}{maps.label_suffix}'
        with open_image(path) as image:
            size, labels = image.size, np.asarray(image)
        if labels.ndim > 2:
            raise FormatError(
                f'{path} is a picture of {labels.shape[2]} channels, not a label map. '
                'Export class indices, or a PNG with a palette, whose indices are read'
            )
        if size != maps.size(name):
            raise FormatError(
                f'{path} is {size[0]} x {size[1]} (width x height), its image '
                f'{maps.size(name)[0]} x {maps.size(name)[1]}'
            )
        values |= set(np.unique(labels).astype(int).tolist())
    if values == {0, IGNORED}:
        return [0, IGNORED]
    values -= {IGNORED}
    if not values or max(values) > IGNORED:
        raise FormatError(
            f'the label maps in {maps.labels} have the values '
            f'{shortened([*map(str, sorted(values))])}; expected class indices from 0 '
            'to 254'
        )
    return sorted(values)


def draw_label_maps(collection: Collection, folder: Path) -> None:
    """Draw a label map for each image: 0 is background, then the categories.

    Smaller objects are drawn over larger ones.

    Args:
        collection: Images with outlined objects.
        folder: Where to write them, with the subfolders of the images.

    Raises:
        FormatError: If an object has no outline.
    """
    order = {c['id']: i for i, c in enumerate(collection.categories.values(), 1)}
    objects: dict[int, list[tuple[int, np.ndarray]]] = {}
    sizes = {it['id']: (it['width'], it['height']) for it in collection.images}
    for it in collection.annotations:
        if not it.get('segmentation'):
            raise FormatError(
                f'{collection.source} has objects without an outline (polygon or mask)'
                ': label maps need one for each object'
            )
        drawn = run_lengths.decode(
            to_run_lengths(it['segmentation'], sizes[it['image_id']])
        )
        label = IGNORED if it['iscrowd'] else order[it['category_id']]
        objects.setdefault(it['image_id'], []).append((label, drawn > 0))
    for image in collection.images:
        labels = np.zeros((image['height'], image['width']), np.uint8)
        for label, drawn in sorted(
            objects.get(image['id'], []), key=lambda it: -it[1].sum()
        ):
            labels[drawn] = label
        path = (folder / image['file_name']).with_suffix('.png')
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(labels).save(path)


Labelled = list[tuple[str, str]]
"""Images with their classes: the path in the folder, and the name of the class."""


def read_classes(folder: Path) -> Labelled:
    """Read a folder with a folder of images for each class.

    Raises:
        FormatError: If it has fewer than two classes, or images beside their folders.
    """
    classes = sorted(it.name for it in os.scandir(folder) if it.is_dir())
    found = [(file, file.split('/')[0]) for file in list_images(folder)]
    loose = [file for file, _ in found if '/' not in file]
    if len(classes) < 2 or loose:
        raise FormatError(
            f'{folder} has {len(classes)} folders of classes'
            + (f' and {len(loose)} images beside them ({loose[0]})' if loose else '')
            + ': expected a folder of images for each of at least two classes'
        )
    return found


def read_tags(collection: Collection) -> Labelled:
    """Return the images of CVAT with their tag.

    Raises:
        FormatError: If an image has no tag or several.
    """
    found: Any = []
    for image in collection.images:
        names = collection.labels.get(image['id'], [])
        if len(names) != 1:
            raise FormatError(
                f'image {image["file_name"]} of {collection.source} has {len(names)} '
                'tags; classification needs one for each image'
            )
        found.append((image['file_name'], names[0]))
    return found
