"""Reads annotation files of COCO, also as CVAT, Label Studio and others export them."""

from __future__ import annotations

import json
from pathlib import Path

from hrnet_mm.datasets.annotations import Annotations

from .collection import Collection, FormatError, ImageFiles


def read(path: Path, files: ImageFiles) -> Collection:
    """Read a file; its entries are checked as data sets of this package check them.

    Raises:
        AnnotationError: If an entry is ambiguous or invalid.
        FormatError: If it is not a JSON file, or an image is missing.
    """
    try:
        content = json.loads(path.read_text())
    except (ValueError, RecursionError) as error:
        raise FormatError(f'{path} is not a JSON file: {error}') from None

    def find_size(name: str) -> tuple[int, int]:
        return files.size(files.find(name) or name)

    checked = Annotations(content, str(path), find_size)
    collection = Collection(files, path)
    collection.notes += checked.changes
    new = {}
    for image in checked.content['images']:
        entry = collection.add_image(
            image['file_name'], (image['width'], image['height'])
        )
        new[image['id']] = entry and entry['id']
    for category in checked.content['categories']:
        collection.categories[category['name']] = category
    known = {category['id'] for category in collection.categories.values()}
    for annotation in checked.content['annotations']:
        annotation = dict(annotation, image_id=new[annotation['image_id']])
        if annotation['category_id'] in known:
            collection.annotations.append(annotation)
        else:
            collection.notes['annotations of a category without a name: left out'] += 1
    _name_keypoints(collection)
    return collection.finish()


def _name_keypoints(collection: Collection) -> None:
    numbers = {
        annotation['category_id']: len(annotation['keypoints']) // 3
        for annotation in collection.annotations
        if annotation.get('keypoints')
    }
    for category in collection.categories.values():
        number = numbers.get(category['id'], 0)
        if number and not category.get('keypoints'):
            category['keypoints'] = [f'keypoint_{i}' for i in range(1, number + 1)]
            category['skeleton'] = []
            collection.notes['categories whose keypoints have no names: numbered'] += 1
