"""Images in the layouts of all libraries, for the benchmark of jobs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco_mask

CLASSES = 1000  # of the classifiers
SCENE = (2048, 1024)  # to which MMSegmentation resizes the images of Cityscapes


class Data:
    """One set of images in the layouts that the four libraries read.

    Args:
        annotations: Path of a COCO file with keypoints and outlines.
        images: Folder of its images.
        folder: Folder to write to.
        samples: The images are repeated until there are so many images, each with at
            least one object.
    """

    def __init__(
        self, annotations: Path, images: Path, folder: Path, samples: int
    ) -> None:
        self.folder, self.images = folder.resolve(), images.resolve()
        folder = self.folder
        content = json.loads(annotations.read_text())
        objects: dict[int, list[dict[str, Any]]] = {}
        for it in content['annotations']:
            if it.get('num_keypoints', 1) and not it.get('iscrowd'):
                objects.setdefault(it['image_id'], []).append(it)
        found = [it for it in content['images'] if it['id'] in objects]
        for name in ('images', 'scenes', 'labels', 'drawn'):
            (folder / name).mkdir(parents=True)
        repeated: dict[str, Any] = dict(images=[], annotations=[])
        for image in found:
            scene: Any = cv2.imread(str(self.images / image['file_name']))
            path = folder / 'drawn' / str(image['id'])
            cv2.imwrite(f'{path}.jpg', cv2.resize(scene, SCENE))
            labels = _draw_label_map(image, objects[image['id']])
            resized = cv2.resize(labels, SCENE, interpolation=cv2.INTER_NEAREST)
            cv2.imwrite(f'{path}.png', resized)
        for number in range(samples):
            image = found[number % len(found)]
            path = self.images / image['file_name']
            name = f'{number:05}{path.suffix}'
            (folder / 'images' / name).symlink_to(path)
            drawn = folder / 'drawn' / str(image['id'])
            (folder / f'scenes/{number:05}.jpg').symlink_to(f'{drawn}.jpg')
            (folder / f'labels/{number:05}.png').symlink_to(f'{drawn}.png')
            repeated['images'].append(dict(image, id=number, file_name=name))
            for it in objects[image['id']]:
                copy = dict(it, id=len(repeated['annotations']), image_id=number)
                repeated['annotations'].append(copy)
        self._write(folder / 'all.json', content | repeated)
        # the detectors have the 80 classes of COCO, of which person is the first
        classes = [dict(id=n, name=name) for n, name in enumerate(_coco_classes(), 1)]
        people = [dict(it, category_id=1) for it in repeated['annotations']]
        objects_only = dict(annotations=people, categories=classes)
        self._write(folder / 'objects.json', content | repeated | objects_only)
        lines = (
            f'{it["file_name"]} {n % CLASSES}'
            for n, it in enumerate(repeated['images'])
        )
        (folder / 'classes.txt').write_text('\n'.join(lines))

    @staticmethod
    def _write(path: Path, content: Mapping[str, Any]) -> None:
        path.write_text(json.dumps(content))

    def dataset(self, task: str, samples: int) -> dict[str, Any]:
        """Return the changes of the data set of a config."""
        given: dict[str, Any] = dict(data_root=str(self.folder), indices=samples)
        if task == 'segmentation':
            prefix = dict(img_path='scenes', seg_map_path='labels')
            suffixes = dict(img_suffix='.jpg', seg_map_suffix='.png')
            return given | dict(data_prefix=prefix) | suffixes
        if task == 'classification':
            return given | dict(ann_file='classes.txt', data_prefix='images', split='')
        return given | dict(ann_file=self._file(task), data_prefix=dict(img='images/'))

    def metric(self, task: str) -> dict[str, Any]:
        """Return the changes of the metric of a config."""
        needed = task in ('pose', 'detection')
        return dict(ann_file=str(self.folder / self._file(task))) if needed else {}

    @staticmethod
    def _file(task: str) -> str:
        return 'objects.json' if task == 'detection' else 'all.json'


def _coco_classes() -> Sequence[str]:
    from mmdet.datasets import CocoDataset

    return CocoDataset.METAINFO['classes']


def _draw_label_map(image: Mapping[str, Any], objects: Iterable[Any]) -> np.ndarray:
    size = image['height'], image['width']
    labels = np.zeros(size, np.uint8)
    for number, it in enumerate(objects):
        runs = it['segmentation']
        if not isinstance(runs, dict):
            runs = coco_mask.merge(coco_mask.frPyObjects(runs, *size))
        elif isinstance(runs['counts'], list):
            runs = coco_mask.frPyObjects(runs, *size)
        labels[coco_mask.decode(runs) > 0] = 1 + number % 4
    return labels
