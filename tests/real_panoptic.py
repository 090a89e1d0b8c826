"""Panoptic label maps of the real images of COCO and Cityscapes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
from pycocotools.coco import COCO

from hrnet_mm.det import CityscapesPanoptic, CocoPanoptic

# labelId of the 19 classes (cityscapesscripts, helpers/labels.py)
LABEL_IDS = dict(
    zip(
        [
            'road', 'sidewalk', 'building', 'wall', 'fence', 'pole', 'traffic light',
            'traffic sign', 'vegetation', 'terrain', 'sky', 'person', 'rider', 'car',
            'truck', 'bus', 'train', 'motorcycle', 'bicycle',
        ],
        [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33],
        strict=True,
    )
)  # fmt: skip
GRASS = CocoPanoptic.METAINFO['classes'].index('grass-merged')


def write_truth(
    root: Path, json_name: str, maps: str, images: list[dict], segments: list[tuple]
) -> None:
    """Write a file in COCO's panoptic format, and its label maps.

    ``segments`` has for each image its map, the category of each id, and its crowds.
    """
    (root / maps).mkdir(parents=True)
    annotations = []
    for image, (ids, categories, crowds) in zip(images, segments, strict=True):
        name = f'{Path(image["file_name"]).stem}_panoptic.png'
        colours = np.stack([ids >> 16, ids >> 8 & 255, ids & 255], axis=-1)
        cv2.imwrite(str(root / maps / name), colours.astype(np.uint8))
        infos = [
            dict(
                id=number,
                category_id=category,
                area=int((ids == number).sum()),
                bbox=list(cv2.boundingRect((ids == number).astype(np.uint8))),
                iscrowd=int(number in crowds),
            )
            for number, category in categories.items()
            if (ids == number).any()
        ]
        annotations.append(
            dict(image_id=image['id'], file_name=name, segments_info=infos)
        )
    content = dict(images=images, annotations=annotations)
    (root / json_name).write_text(json.dumps(content))


def add_categories(path: Path, ids: dict[str, int], things: tuple[str, ...]) -> None:
    content = json.loads(path.read_text())
    content['categories'] = [
        dict(id=number, name=name, isthing=int(name in things))
        for name, number in ids.items()
    ]
    path.write_text(json.dumps(content))


def write_cityscapes(real_cityscapes: Path, root: Path) -> Path:
    """Write the real image with the files that csCreatePanopticImgs writes."""
    shutil.copytree(real_cityscapes, root)
    (path,) = root.rglob('*_gtFine_instanceIds.png')
    ids = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(int)
    label_of = {n: n // 1000 if n >= 1000 else n for n in np.unique(ids).tolist()}
    known = {n: it for n, it in label_of.items() if it in LABEL_IDS.values()}
    ids = np.where(np.isin(ids, [*known]), ids, 0)
    groups = {n for n, label in known.items() if n < 1000 and label >= 24}
    name = path.name.removesuffix('_gtFine_instanceIds.png')
    height, width = ids.shape
    image = dict(id=name, file_name=f'{name}_gtFine_leftImg8bit.png')
    write_truth(
        root,
        'gtFine/cityscapes_panoptic_val.json',
        'gtFine/cityscapes_panoptic_val',
        [dict(image, height=height, width=width)],
        [(ids, known, groups)],
    )
    file = root / 'gtFine/cityscapes_panoptic_val.json'
    add_categories(file, LABEL_IDS, CityscapesPanoptic.things)
    return root


def write_coco(real_coco: Path, root: Path) -> Path:
    """Write the real images with their people, on grass."""
    (root / 'annotations').mkdir(parents=True)
    (root / 'val2017').symlink_to(real_coco / 'val2017')
    keypoints = real_coco / 'annotations/person_keypoints_tiny.json'
    shutil.copy(keypoints, root / 'annotations')
    people = COCO(str(keypoints))
    images, segments = list(people.imgs.values()), []
    for image in images:
        ids = np.full((image['height'], image['width']), 1)
        found = people.loadAnns(people.getAnnIds(imgIds=image['id']))
        for number, person in enumerate(found, start=2):
            ids[people.annToMask(person) > 0] = number
        crowds = {n for n, it in enumerate(found, start=2) if it['iscrowd']}
        names = dict.fromkeys(range(2, 2 + len(found)), 0)
        segments.append((ids, {1: GRASS, **names}, crowds))
    file = 'annotations/panoptic_val2017.json'
    write_truth(root, file, 'annotations/panoptic_val2017', images, segments)
    classes = CocoPanoptic.METAINFO['classes']
    ids = {name: number for number, name in enumerate(classes)}
    add_categories(root / file, ids, CocoPanoptic.METAINFO['thing_classes'])
    return root
