"""Panoptic data sets of MMDetection that check their files and classes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from os.path import join  # also of URLs
from typing import Any, ClassVar

import numpy as np
from mmdet.datasets import CocoPanopticDataset
from mmengine.logging import print_log

from hrnet_mm.datasets.annotations import AnnotationError, read_json
from hrnet_mm.datasets.checked import CheckedData
from hrnet_mm.messages import counted, shortened
from hrnet_mm.registry import DATASETS

from .panoptic import VOID, read_segment_ids


def read_panoptic(file: str, backend_args: dict[str, Any] | None = None) -> Any:
    """Return the content of a JSON file in COCO's panoptic format.

    Raises:
        AnnotationError: If it has another format.
    """
    content = read_json(file, backend_args)
    needed = dict(images='file_name', annotations='segments_info', categories='isthing')
    for name, key in needed.items():
        entries = content.get(name) if isinstance(content, dict) else None
        if name == 'annotations' and entries is None:  # of test images
            continue
        if not isinstance(entries, list) or any(key not in it for it in entries):
            raise AnnotationError(
                f"{file} is not in COCO's panoptic format: `{name}` must be a list of "
                f'entries with {key}. A file of instances is another format: '
                'https://cocodataset.org/#format-data'
            )
    return content


class PanopticFile(CocoPanopticDataset):
    """Reader of a JSON file in COCO's panoptic format.

    The parent finds label maps by the names of the images, and numbers the labels in
    the order of the file. Here label maps are found by the ``file_name`` of the
    annotations, and labels are indices of ``metainfo.classes``: things, then stuff.
    """

    metainfo: dict[str, Any]

    def load_data_list(self) -> list[dict[str, Any]]:
        """Load the images with their segments.

        Raises:
            ValueError: If the classes are not things and then stuff, or do not match
                the categories of the file.
        """
        content = read_panoptic(self.ann_file, self.backend_args)
        labels = self._labels(content['categories'])
        truths = {it['image_id']: it for it in content.get('annotations', ())}
        images = [it for it in content['images'] if it['id'] in truths]
        self._say(len(content['images']) - len(images), 'image', 'without annotations')
        self._small = 0
        samples = [
            self._sample(it, truths.get(it['id']), labels)
            for it in (images if truths else content['images'])  # without any: test-dev
        ]
        self._say(self._small, 'segment', 'smaller than a pixel')
        return samples

    def _say(self, number: int, what: str, why: str) -> None:
        if number:
            print_log(
                f'{type(self).__name__} leaves out {counted(number, what)} {why} of '
                f'{self.ann_file}',
                'current',
                logging.WARNING,
            )

    def _labels(self, categories: Sequence[dict[str, Any]]) -> dict[int, int]:
        # the label of each category
        things, stuff = (
            [*self.metainfo.get(f'{kind}_classes', ())] for kind in ('thing', 'stuff')
        )
        classes = [*self.metainfo['classes']]
        if classes != things + stuff:
            raise ValueError(
                f'metainfo of {type(self).__name__} must have thing_classes, '
                'stuff_classes, and as classes both in this order; got '
                f'thing_classes {shortened(things)}, stuff_classes {shortened(stuff)} '
                f'and classes {shortened(classes)}'
            )
        kinds = {it['name']: bool(it['isthing']) for it in categories}
        wrong = {name for name in classes if kinds.get(name) != (name in things)}
        wrong |= {*kinds} - {*classes}
        if wrong:
            thing = [name for name, is_thing in kinds.items() if is_thing]
            other = [name for name, is_thing in kinds.items() if not is_thing]
            raise ValueError(
                f'the classes {shortened(sorted(wrong))} of {type(self).__name__} or '
                f'{self.ann_file} are not the same in both. The file has the things '
                f'{shortened(thing)} and the stuff {shortened(other)}: set '
                'metainfo=dict(classes=(...), thing_classes=(...), stuff_classes='
                '(...)), and the numbers of things and stuff of every head'
            )
        return {it['id']: classes.index(it['name']) for it in categories}

    def _sample(
        self,
        image: dict[str, Any],
        truth: dict[str, Any] | None,
        labels: dict[int, int],
    ) -> dict[str, Any]:
        segments, instances, unlabelled = [], [], []
        things = len(self.metainfo['thing_classes'])
        for segment in truth['segments_info'] if truth else ():
            self._check(segment, image, labels)
            if segment['area'] <= 0 or min(segment['bbox'][2:]) < 1:
                self._small += 1
                unlabelled.append(segment['id'])
                continue
            label, crowd = labels[segment['category_id']], bool(segment.get('iscrowd'))
            is_thing = label < things and not crowd
            segments.append(
                dict(id=segment['id'], category=label, is_thing=is_thing, crowd=crowd)
            )
            if is_thing:
                x, y, width, height = segment['bbox']
                box = [x, y, x + width, y + height]
                instances.append(dict(bbox=box, bbox_label=label, ignore_flag=0))
        folder, maps = self.data_prefix['img'], self.data_prefix.get('seg')
        return dict(
            img_path=join(folder, self.image_path(image)),
            img_id=image['id'],
            seg_map_path=join(maps, truth['file_name']) if truth and maps else None,
            height=image['height'],
            width=image['width'],
            instances=instances,
            segments_info=segments,
            unlabelled=unlabelled,
        )

    def _check(
        self, segment: dict[str, Any], image: dict[str, Any], labels: dict[int, int]
    ) -> None:
        where = f'a segment of {image["file_name"]} in {self.ann_file}'
        missing = {'id', 'category_id', 'bbox', 'area'} - {*segment}
        if missing:
            raise AnnotationError(f'{where} has no {", ".join(sorted(missing))}')
        if segment['id'] == VOID:
            raise AnnotationError(
                f'{where} has the id {VOID}, which is that of pixels without a label: '
                'number segments from 1'
            )
        if segment['category_id'] not in labels:
            raise AnnotationError(
                f'{where} has category_id={segment["category_id"]}, which is not the '
                f'id of any of {shortened(self.metainfo["classes"])}'
            )

    def read_label_map(self, name: str) -> np.ndarray:
        """Return the ids of a label map, (H, W), for ``hrnet-mm check``."""
        path = join(self.data_prefix['seg'], name)
        return read_segment_ids(path, backend_args=self.backend_args)

    @staticmethod
    def image_path(image: dict[str, Any]) -> str:
        """Return the path of an image below the folder of the images."""
        return image['file_name']

    @classmethod
    def reader(cls, file: str, backend_args: dict[str, Any] | None = None) -> Any:
        """Return the segments as objects in COCO format, for ``hrnet-mm check``."""
        content = read_panoptic(file, backend_args)
        segments = [
            dict(segment, image_id=truth['image_id'], segment_id=segment['id'])
            for truth in content.get('annotations', [])
            for segment in truth['segments_info']
        ]
        maps = {
            it['image_id']: dict(label_map=it['file_name'])
            for it in content.get('annotations', [])
        }
        return dict(
            images=[
                dict(it, file_name=cls.image_path(it), **maps.get(it['id'], {}))
                for it in content['images']
            ],
            # as the classes: things, then stuff
            categories=sorted(content['categories'], key=lambda it: not it['isthing']),
            annotations=[dict(it, id=i) for i, it in enumerate(segments, start=1)],
        )


@DATASETS.register_module()
class CocoPanoptic(CheckedData, PanopticFile):
    """COCO panoptic, 80 things and 53 stuff classes, or other data in this format."""

    environment = 'COCO'
    source = (
        'COCO 2017 is at https://cocodataset.org/#download; configs/_base_/datasets/'
        'coco_panoptic.py shows the layout.'
    )
    contents = 'image'


@DATASETS.register_module()
class CityscapesPanoptic(CheckedData, PanopticFile):
    """Cityscapes panoptic, 8 things and 11 stuff classes.

    Its files are written by ``csCreatePanopticImgs`` of cityscapesscripts, whose
    ``file_name`` is that of no image: ``aachen_000000_000019_gtFine_leftImg8bit.png``
    is the image ``aachen/aachen_000000_000019_leftImg8bit.png``. Pixels of classes that
    Cityscapes does not evaluate have no segment.
    """

    things = (
        'person',
        'rider',
        'car',
        'truck',
        'bus',
        'train',
        'motorcycle',
        'bicycle',
    )
    stuff = (
        'road', 'sidewalk', 'building', 'wall', 'fence', 'pole', 'traffic light',
        'traffic sign', 'vegetation', 'terrain', 'sky',
    )  # fmt: skip
    METAINFO: ClassVar[dict[str, Any]] = dict(
        classes=things + stuff,
        thing_classes=things,
        stuff_classes=stuff,
        palette=[
            (220, 20, 60), (255, 0, 0), (0, 0, 142), (0, 0, 70), (0, 60, 100),
            (0, 80, 100), (0, 0, 230), (119, 11, 32), (128, 64, 128), (244, 35, 232),
            (70, 70, 70), (102, 102, 156), (190, 153, 153), (153, 153, 153),
            (250, 170, 30), (220, 220, 0), (107, 142, 35), (152, 251, 152),
            (70, 130, 180),
        ],
    )  # fmt: skip
    environment = 'CITYSCAPES'
    source = (
        'Cityscapes is at https://www.cityscapes-dataset.com; configs/_base_/datasets/'
        'cityscapes_panoptic.py shows the layout. Its panoptic files are made by '
        'cityscapesscripts (`csCreatePanopticImgs`).'
    )
    contents = 'image'

    @staticmethod
    def image_path(image: dict[str, Any]) -> str:
        """Return the path of an image: the city is the text before the first ``_``."""
        name = image['file_name'].replace('_gtFine', '')
        return f'{name.split("_", 1)[0]}/{name}'


@DATASETS.register_module()
class TinyPanoptic(CheckedData, PanopticFile):
    """People of TinyPeople, and what is behind them."""

    METAINFO: ClassVar[dict[str, Any]] = dict(
        classes=('person', 'background'),
        thing_classes=('person',),
        stuff_classes=('background',),
        palette=[(220, 20, 60), (110, 110, 110)],
    )
    environment = 'TINY_PEOPLE'
    source = (
        '`hrnet-mm tiny-people FOLDER` draws it; remove a folder that an older version '
        'has drawn.'
    )
    contents = 'image'
