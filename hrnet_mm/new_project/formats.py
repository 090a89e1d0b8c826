"""Finds the format of annotation files, and reads them as COCO.

No library reads all of these without losing something: supervision drops keypoints and
redraws polygons from masks, datumaro skips CVAT's skeletons and needs newer versions of
numpy and Pillow than old environments have. So each format has a small reader here,
which stops at what it does not understand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from hrnet_mm.messages import shortened

from . import coco, cvat, labelme, voc, yolo
from .collection import Collection, FormatError, ImageFiles, reading
from .xml_files import read_xml

READERS: dict[str, Callable[[Path, ImageFiles], Collection]] = {
    'coco': coco.read,
    'cvat': cvat.read,
    'labelme': labelme.read,
    'voc': voc.read,
}
FORMATS = (*READERS, 'yolo')


def find_format(path: Path) -> str:
    """Return the format of an annotation file or folder.

    Raises:
        FormatError: If it is none of ``FORMATS``.
    """
    if not path.exists():
        raise FormatError(f'{path} does not exist (in {Path.cwd()})')
    if path.suffix == '.zip':
        raise FormatError(f'{path} is an archive: unzip it, and name what is in it')
    found = _format_of_folder(path) if path.is_dir() else _format_of_file(path)
    if found is None:
        raise FormatError(
            f'{path} has no annotations in a known format: expected a COCO or CVAT '
            "file, YOLO's data.yaml, or a folder of files of LabelMe or Pascal VOC"
        )
    return found


def _format_of_file(path: Path) -> str | None:
    if path.suffix == '.json':
        if labelme.is_labelme(path):
            raise FormatError(f'{path} is one file of LabelMe: name its folder')
        return 'coco'
    if path.suffix in ('.yaml', '.yml'):
        return 'yolo'
    if path.suffix == '.xml':
        if read_xml(path).tag == 'annotation':
            raise FormatError(f'{path} is one file of Pascal VOC: name its folder')
        return 'cvat'
    return None


def _format_of_folder(path: Path) -> str | None:
    if json := next(path.rglob('*.json'), None):
        if labelme.is_labelme(json):
            return 'labelme'
        raise FormatError(
            f'{path} is a folder: name the annotation file, such as {json}'
        )
    if xml := next(path.rglob('*.xml'), None):
        if cvat.is_cvat(xml):
            raise FormatError(f'{path} is a folder: name the file of CVAT, {xml}')
        return 'voc'
    if (path / 'data.yaml').is_file():
        raise FormatError(f'{path} is a folder: name {path / "data.yaml"}')
    return 'yolo' if next(path.rglob('*.txt'), None) else None


def read_annotations(
    paths: Sequence[Path], images: Path | None, name: str | None = None
) -> dict[str, Collection]:
    """Read annotation files of any format.

    Args:
        paths: Files or folders; the images of all are one set.
        images: The folder of the images; not needed for ``data.yaml``.
        name: One of ``FORMATS``; by default it is found from the files.

    Returns:
        Collections by split: ``'train'`` and ``'val'`` if the format has them,
        otherwise ``''``.

    Raises:
        FormatError: If something in the files is unclear or would be lost.
    """
    if name not in (None, *FORMATS):
        raise FormatError(f'unknown format {name!r}: expected {", ".join(FORMATS)}')
    kinds = [name or _find_format(path) for path in paths]
    if kinds == ['yolo']:
        with reading(paths[0], 'yolo'):
            return yolo.read(paths[0], ImageFiles(images) if images else None)
    if 'yolo' in kinds:
        raise FormatError('name one data.yaml of YOLO, without other annotations')
    if images is None:
        raise FormatError(f'annotations of {shortened(kinds)} need --images FOLDER')
    read = []
    for kind, path in zip(kinds, paths, strict=True):
        with reading(path, kind):
            read.append(READERS[kind](path, ImageFiles(images)))
    return {'': _merge(read)}


def _find_format(path: Path) -> str:
    with reading(path, 'a tool for annotations'):
        return find_format(path)


def _merge(collections: Sequence[Collection]) -> Collection:
    first, *others = collections
    for other in others:
        renamed = {}
        for category in other.categories.values():
            same = first.categories.get(category['name'])
            if same and same.get('keypoints', []) != category.get('keypoints', []):
                raise FormatError(
                    f'{category["name"]} has other keypoints in {other.source} than '
                    f'in {first.source}'
                )
            entry = first.add_category(category['name'])
            renamed[category['id']] = entry['id']
            entry.update(category, id=entry['id'])
        _append(first, other, renamed)
    return first


def _append(first: Collection, other: Collection, categories: dict[int, int]) -> None:
    images: dict[int, int] = {}
    for image in other.images:
        if added := first.add_image(image['file_name']):
            images[image['id']] = added['id']
    for annotation in other.annotations:
        new = dict(
            annotation,
            id=max((a['id'] for a in first.annotations), default=0) + 1,
            image_id=images[annotation['image_id']],
            category_id=categories[annotation['category_id']],
        )
        first.annotations.append(new)
    unused = 'image files without an entry in the annotations: unused'
    first.notes += other.notes
    spare = len(first.files.names) - len(first.images)
    first.notes[unused] = spare
    first.notes = +first.notes
    first.labels |= {images[old]: names for old, names in other.labels.items()}
