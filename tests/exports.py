"""TinyPeople as annotation tools export it."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import yaml

from hrnet_mm.tiny_people.skeleton import KEYPOINTS, SKELETON

FLIPS = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]


def load(people: Path, split: str) -> tuple[list[dict], dict[int, list[dict]]]:
    """The images of a split, and their annotations by image id."""
    content = json.loads((people / f'annotations/{split}.json').read_text())
    objects: dict[int, list[dict]] = {image['id']: [] for image in content['images']}
    for annotation in content['annotations']:
        objects[annotation['image_id']].append(annotation)
    return content['images'], objects


def triples(annotation: dict) -> list[tuple[str, float, float, int]]:
    values = annotation['keypoints']
    return [(n, *values[3 * i : 3 * i + 3]) for i, n in enumerate(KEYPOINTS)]


def to_labelme(people: Path, split: str, folder: Path, masks: bool = False) -> Path:
    """Rectangles and points in groups; with ``masks``, polygons in place of them."""
    folder.mkdir(parents=True)
    images, objects = load(people, split)
    for image in images:
        shapes = []
        for group, it in enumerate(objects[image['id']], start=1):

            def add(label, kind, points, shapes=shapes, group=group, **flags):
                shapes.append(
                    dict(
                        label=label, points=points, group_id=group,
                        shape_type=kind, flags=flags,
                    )
                )  # fmt: skip

            if masks:
                for ring in it['segmentation']:
                    pairs = [ring[i : i + 2] for i in range(0, len(ring), 2)]
                    add('person', 'polygon', pairs)
                continue
            x, y, width, height = it['bbox']
            add('person', 'rectangle', [[x, y], [x + width, y + height]])
            for name, px, py, visible in triples(it):
                if visible:
                    add(name, 'point', [[px, py]], occluded=visible == 1)
        content = dict(
            version='5.5.0', flags={}, shapes=shapes, imageData=None,
            imagePath=f'..\\images\\{image["file_name"]}',
            imageHeight=image['height'], imageWidth=image['width'],
        )  # fmt: skip
        path = folder / Path(image['file_name']).with_suffix('.json')
        path.write_text(json.dumps(content))
    return folder


def to_cvat(people: Path, split: str, path: Path, kind: str = 'skeleton') -> Path:
    """`CVAT for images 1.1`: skeletons, or boxes, or polygons."""
    images, objects = load(people, split)
    root = ET.Element('annotations')
    ET.SubElement(root, 'version').text = '1.1'
    labels = ET.SubElement(ET.SubElement(ET.SubElement(root, 'meta'), 'task'), 'labels')
    lines = ''.join(
        f'<line x1="1" data-type="edge" data-node-from="{a}" data-node-to="{b}"></line>'
        for a, b in SKELETON
    )
    nodes = ''.join(
        f'<circle r="1" data-type="element node" data-node-id="{i}" '
        f'data-label-name="{name}"></circle>'
        for i, name in enumerate(KEYPOINTS, start=1)
    )
    _label(labels, 'person', kind, svg=lines + nodes)
    for name in KEYPOINTS if kind == 'skeleton' else ():
        _label(labels, name, 'points', parent='person')
    for image in images:
        size = {key: str(image[key]) for key in ('width', 'height')}
        entry = ET.SubElement(
            root, 'image', id=str(image['id']), name=image['file_name'], **size
        )
        for group, it in enumerate(objects[image['id']], start=1):
            _add_cvat(entry, it, kind, str(group))
    ET.ElementTree(root).write(path)
    return path


def _label(labels: ET.Element, name: str, kind: str, **children: str) -> None:
    label = ET.SubElement(labels, 'label')
    for key, text in dict(name=name, type=kind, **children).items():
        ET.SubElement(label, key).text = text


def _add_cvat(entry: ET.Element, it: dict, kind: str, group: str) -> None:
    x, y, width, height = it['bbox']
    box = dict(xtl=x, ytl=y, xbr=x + width, ybr=y + height)
    common = dict(label='person', occluded='0', source='manual', z_order='0')
    if kind != 'polygon':
        sides = {key: str(value) for key, value in box.items()}
        ET.SubElement(entry, 'box', group_id=group, **common, **sides)
    if kind == 'polygon':
        for ring in it['segmentation']:
            pairs = [f'{ring[i]},{ring[i + 1]}' for i in range(0, len(ring), 2)]
            ET.SubElement(
                entry, 'polygon', group_id=group, points=';'.join(pairs), **common
            )
    if kind == 'skeleton':
        skeleton = ET.SubElement(entry, 'skeleton', group_id=group, **common)
        for name, px, py, visible in triples(it):
            ET.SubElement(
                skeleton, 'points', label=name, points=f'{px},{py}',
                outside=str(int(visible == 0)), occluded=str(int(visible == 1)),
            )  # fmt: skip


def to_yolo(people: Path, folder: Path, kind: str) -> Path:
    """``data.yaml`` with train and val: boxes, keypoints or polygons."""
    for split in ('train', 'val'):
        (folder / 'labels' / split).mkdir(parents=True)
        (folder / 'images').mkdir(exist_ok=True)
        (folder / 'images' / split).symlink_to(people / 'images' / split)
        images, objects = load(people, split)
        for image in images:
            size = (image['width'], image['height'])
            text = ''.join(_yolo_lines(it, size, kind) for it in objects[image['id']])
            name = Path(image['file_name']).with_suffix('.txt')
            (folder / 'labels' / split / name).write_text(text)
    content = dict(path='.', train='images/train', val='images/val', names=['person'])
    if kind == 'keypoints':
        content |= dict(kpt_shape=[17, 3], flip_idx=FLIPS)
    path = folder / 'data.yaml'
    path.write_text(yaml.safe_dump(content))
    return path


def _yolo_lines(it: dict, size: tuple[int, int], kind: str) -> str:
    if kind == 'polygons':
        ring = max(it['segmentation'], key=len)
        return f'0 {" ".join(str(v / size[i % 2]) for i, v in enumerate(ring))}\n'
    x, y, width, height = it['bbox']
    values = [
        (x + width / 2) / size[0], (y + height / 2) / size[1],
        width / size[0], height / size[1],
    ]  # fmt: skip
    if kind == 'keypoints':
        for _, px, py, visible in triples(it):
            values += [px / size[0], py / size[1], visible]
    return f'0 {" ".join(map(str, values))}\n'


def to_voc(people: Path, split: str, folder: Path) -> Path:
    """Boxes, with pixels counted from 1."""
    folder.mkdir(parents=True)
    images, objects = load(people, split)
    for image in images:
        root = ET.Element('annotation')
        ET.SubElement(root, 'filename').text = image['file_name']
        size = ET.SubElement(root, 'size')
        for key in ('width', 'height'):
            ET.SubElement(size, key).text = str(image[key])
        for it in objects[image['id']]:
            entry = ET.SubElement(root, 'object')
            ET.SubElement(entry, 'name').text = 'person'
            x, y, width, height = it['bbox']
            box = ET.SubElement(entry, 'bndbox')
            sides = dict(xmin=x + 1, ymin=y + 1, xmax=x + width, ymax=y + height)
            for side, value in sides.items():
                ET.SubElement(box, side).text = str(value)
        path = folder / Path(image['file_name']).with_suffix('.xml')
        ET.ElementTree(root).write(path)
    return folder
