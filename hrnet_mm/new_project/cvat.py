"""Reads XML files of CVAT: the export `CVAT for images 1.1`.

https://docs.cvat.ai/docs/dataset_management/formats/format-cvat. Boxes, polygons,
masks, points, skeletons and tags are read. Shapes with the same group are one object.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from .collection import Collection, FormatError, ImageFiles, read_numbers
from .grouping import Shape, add_shapes
from .labelme import check_mask_size, place_mask
from .xml_files import read_xml, text_of

EXPORT = 'Export it as `CVAT for images 1.1`'
EDGE = re.compile(r'<line\b[^>]*>')
NODE = re.compile(r'<circle\b[^>]*>')
ATTRIBUTE = re.compile(r'data-([\w-]+)="([^"]*)"')


def is_cvat(path: Path) -> bool:
    """Return whether an XML file is of CVAT."""
    return read_xml(path).tag == 'annotations'


def read(path: Path, files: ImageFiles) -> Collection:
    """Read a file.

    Raises:
        FormatError: If it has a shape that cannot be an object or a keypoint, or is of
            a video.
    """
    root = read_xml(path)
    if root.tag != 'annotations' or root.find('track') is not None:
        raise FormatError(f'{path} has <track> or no <annotations>. {EXPORT}')
    collection = Collection(files, path)
    _add_labels(collection, root)
    for element in root.iter('image'):
        name = element.get('name', '')
        sides = [element.get(side, 0) for side in ('width', 'height')]
        width, height = read_numbers(sides, f'{path}, width and height of {name},')
        image = collection.add_image(name, (int(width), int(height)))
        if image is None:
            continue
        where = f'{path}, image {name}'
        shapes: list[Shape] = []
        for child in element:
            if child.find('attribute') is not None:
                collection.notes['attributes of shapes: not used'] += len(
                    child.findall('attribute')
                )
            shapes += _read_child(child, image, collection, where)
        add_shapes(collection, image, shapes, where)
    return collection.finish()


def _add_labels(collection: Collection, root: Element) -> None:
    labels = root.findall('.//meta//labels/label')
    children: dict[str, list[str]] = {}
    for label in labels:
        if parent := text_of(label, 'parent'):
            children.setdefault(parent, []).append(text_of(label, 'name'))
    for label in labels:
        name = text_of(label, 'name')
        if name in children:
            links = _links(text_of(label, 'svg'), children[name])
            collection.add_category(name, children[name], links)


def _links(svg: str, names: list[str]) -> list[tuple[int, int]]:
    nodes = {}
    for tag in NODE.findall(svg):
        found = dict(ATTRIBUTE.findall(tag))
        if found.get('label-name') in names:
            nodes[found.get('node-id')] = names.index(found['label-name']) + 1
    ends = [dict(ATTRIBUTE.findall(tag)) for tag in EDGE.findall(svg)]
    pairs = [(nodes.get(e.get('node-from')), nodes.get(e.get('node-to'))) for e in ends]
    return [(a, b) for a, b in pairs if a and b]


def _read_child(
    child: Element, image: dict[str, Any], collection: Collection, where: str
) -> list[Shape]:
    label, group = child.get('label', ''), child.get('group_id', '0')
    if child.tag == 'tag':
        collection.labels.setdefault(image['id'], []).append(label)
        return []
    if child.tag not in READERS:
        raise FormatError(
            f'{where} has a <{child.tag}> ({label}); <box>, <polygon>, <mask>, '
            '<points>, <skeleton> and <tag> are read. Change it in CVAT'
        )
    shapes = READERS[child.tag](child, image, f'{where}, <{child.tag}> {label}')
    if child.tag == 'skeleton' and not shapes:
        collection.notes['skeletons without a labelled keypoint: left out'] += 1
    if group == '0' and len(shapes) > 1:  # one object, without other shapes
        group = f'{child.tag} {id(child)}'
    for shape in shapes:
        shape.group = None if group == '0' else group
    return shapes


def _pairs(element: Element, where: str, least: int = 1) -> list[tuple[float, float]]:
    pairs = [pair.split(',') for pair in element.get('points', '').split(';') if pair]
    if len(pairs) < least or any(len(pair) != 2 for pair in pairs):
        raise FormatError(
            f'{where} has points="{element.get("points", "")[:60]}": expected at least '
            f'{least} x,y, separated by semicolons'
        )
    flat = read_numbers([value for pair in pairs for value in pair], where)
    return [*zip(flat[::2], flat[1::2], strict=True)]


def _visibility(element: Element) -> int:
    return 1 if element.get('occluded') == '1' else 2


def _read_skeleton(element: Element, image: dict[str, Any], where: str) -> list[Shape]:
    points = [
        Shape(it.get('label', ''), point=(*_pairs(it, where)[0], _visibility(it)))
        for it in element.findall('points')
        if it.get('outside', '0') == '0'
    ]
    return [Shape(element.get('label', '')), *points] if points else []


def _read_points(element: Element, image: dict[str, Any], where: str) -> list[Shape]:
    pairs, label, visible = (
        _pairs(element, where),
        element.get('label', ''),
        _visibility(element),
    )
    if len(pairs) == 1:  # the label is the name of the keypoint
        return [Shape(label, point=(*pairs[0], visible))]
    points = [
        Shape(f'keypoint_{i}', point=(*pair, visible))
        for i, pair in enumerate(pairs, start=1)
    ]
    return [Shape(label), *points]


def _read_box(element: Element, image: dict[str, Any], where: str) -> list[Shape]:
    given = [element.get(side) for side in ('xtl', 'ytl', 'xbr', 'ybr')]
    left, top, right, bottom, rotation = read_numbers(
        [*given, element.get('rotation', 0)], where
    )
    shape = Shape(element.get('label', ''))
    turn = math.radians(rotation)
    if turn:  # about its centre; the outline keeps what a box cannot say
        centre = np.array([left + right, top + bottom]) / 2
        corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
        cos, sin = math.cos(turn), math.sin(turn)
        turned = (corners - centre) @ np.array([[cos, sin], [-sin, cos]]) + centre
        shape.polygon = turned.ravel().tolist()
    else:
        shape.box = [left, top, right - left, bottom - top]
    return [shape]


def _read_polygon(element: Element, image: dict[str, Any], where: str) -> list[Shape]:
    flat = [value for pair in _pairs(element, where, 3) for value in pair]
    return [Shape(element.get('label', ''), polygon=flat)]


def _read_mask(element: Element, image: dict[str, Any], where: str) -> list[Shape]:
    given = [element.get(name, 0) for name in ('left', 'top', 'width', 'height')]
    x, y, width, height = map(int, read_numbers(given, where))
    size = (image['width'], image['height'])
    check_mask_size((width, height), size, where)
    words = element.get('rle', '').split(',')
    counts = [int(number) for number in read_numbers(words, where)]
    if min(counts) < 0 or sum(counts) != width * height:
        raise FormatError(
            f'{where} has run lengths of {sum(counts)} pixels, the shortest '
            f'{min(counts)}; expected none below 0 and {width} x {height} pixels'
        )
    values = np.arange(len(counts)) % 2 == 1  # starts with the pixels outside
    inner = np.repeat(values, counts).reshape(height, width)
    return [Shape(element.get('label', ''), mask=place_mask(inner, (x, y), size))]


READERS: dict[str, Callable[[Element, dict[str, Any], str], list[Shape]]] = {
    'box': _read_box,
    'polygon': _read_polygon,
    'mask': _read_mask,
    'points': _read_points,
    'skeleton': _read_skeleton,
}
