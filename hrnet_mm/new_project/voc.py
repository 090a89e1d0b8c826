"""Reads XML files of Pascal VOC: one for each image, with boxes.

http://host.robots.ox.ac.uk/pascal/VOC. Pixels are counted from 1, and ``xmax`` and
``ymax`` are the last pixels of the object. Files in which a coordinate is 0 were
written by tools that count from 0 and give the end of the box.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

from hrnet_mm.messages import shortened

from .collection import Collection, FormatError, ImageFiles, read_numbers, reading
from .xml_files import read_xml, text_of

SIDES = ('xmin', 'ymin', 'xmax', 'ymax')
KNOWN = {
    'name', 'bndbox', 'difficult', 'truncated', 'occluded', 'occlusion', 'pose',
    'polygon',
}  # fmt: skip


def read(folder: Path, files: ImageFiles) -> Collection:
    """Read all files below a folder.

    Raises:
        FormatError: If a file has an object without a box, or something else than
            boxes and polygons.
    """
    collection = Collection(files, folder)
    roots = {path: read_xml(path) for path in sorted(folder.rglob('*.xml'))}
    first = _first_pixel(roots)
    if first == 0:
        collection.notes['VOC files that count pixels from 0, not from 1'] += len(roots)
    for path, root in roots.items():
        with reading(path, 'Pascal VOC'):
            _read_file(path, root, first, collection)
    return collection.finish()


def _read_file(path: Path, root: Element, first: int, collection: Collection) -> None:
    if root.tag != 'annotation':
        raise FormatError(f'{path} is not a file of Pascal VOC: <{root.tag}>')
    sides = [text_of(root, f'size/{side}', '0') for side in ('width', 'height')]
    width, height = read_numbers(sides, f'{path}, <size>,')
    # the name of the XML file: <filename> is often that before a renaming
    name = collection.files.find(text_of(root, 'filename')) or path.stem
    image = collection.add_image(name, (int(width), int(height)))
    for number, it in enumerate(root.iter('object') if image else (), start=1):
        category = text_of(it, 'name')
        where = f'{path}, object {number} ({category})'
        _check(it, path)
        if not category:
            raise FormatError(
                f'{path}, object {number}, has no <name>: write its class'
            )
        box = _box(it, first, where)
        difficult = text_of(it, 'difficult') == '1'
        if difficult:
            collection.notes['difficult objects: losses and scores ignore them'] += 1
        outline = _polygon(it, first, where)
        collection.add_object(image, category, box, outline, crowd=difficult)  # type: ignore[arg-type]


def _first_pixel(roots: dict[Path, Element]) -> int:
    for path, root in roots.items():
        for box in root.iter('bndbox'):
            sides = [text_of(box, side, '1') for side in SIDES[:2]]
            if min(read_numbers(sides, f'{path}, <bndbox>,')) < 1:
                return 0
    return 1


def _check(it: Element, path: Path) -> None:
    unknown = sorted({child.tag for child in it} - KNOWN)
    if 'robndbox' in unknown or it.find('bndbox') is None:
        raise FormatError(f'{path} has an object without <bndbox>: only boxes are read')
    if 'part' in unknown or 'keypoints' in unknown:
        raise FormatError(
            f'{path} has objects with {shortened(unknown)}, which would be lost: only '
            'boxes and polygons are read'
        )


def _box(it: Element, first: int, where: str) -> list[float]:
    sides = [it.findtext(f'bndbox/{side}') for side in SIDES]
    left, top, right, bottom = read_numbers(sides, f'{where}, <bndbox>,')
    return [left - first, top - first, right - left + first, bottom - top + first]


def _polygon(it: Element, first: int, where: str) -> list[list[float]] | None:
    polygon = it.find('polygon')
    if polygon is None or len(polygon) < 6:
        return None
    number = len(polygon) // 2
    names = [f'{axis}{i}' for i in range(1, number + 1) for axis in 'xy']
    numbers = read_numbers([polygon.findtext(n) for n in names], f'{where}, <polygon>,')
    return [[number - first for number in numbers]]
