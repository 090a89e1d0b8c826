"""MMDetection's COCO data set, which says what is wrong and what it leaves out."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from mmdet.datasets import CocoDataset
from mmengine.logging import print_log

from hrnet_mm.data.checked import CheckedData, shortened
from hrnet_mm.registry import DATASETS


class CheckedObjects(CheckedData):
    """What the data sets of objects have in common.

    MMDetection leaves out objects and images without a word. Here each kind is named
    once, with its number and the first image; what would train on wrong labels is an
    error.

    Raises:
        ValueError: if the classes are not those of the annotation file, or an
            annotation lacks what training needs.
    """

    contents = 'image'

    metainfo: dict[str, Any]
    cat_ids: list[int]
    coco: Any
    data_list: list[dict[str, Any]]
    pipeline: Any

    @classmethod
    def _load_metainfo(cls, metainfo: Any = None) -> dict[str, Any]:
        found = super()._load_metainfo(metainfo)  # type: ignore[misc]
        if len(found.get('palette') or ()) < len(found['classes']):
            # of other classes; the visualizers choose colours where there is none
            found.pop('palette', None)
        return found

    def load_data_list(self) -> list[dict[str, Any]]:
        """The images with their objects."""
        self._categories: dict[int, str] = {}
        self._left_out: dict[str, list[str]] = {}
        try:
            samples = super().load_data_list()
        except KeyError as error:
            raise ValueError(
                f'{self.ann_file} has an entry without {error}; the format is '
                'described at https://cocodataset.org/#format-data'
            ) from error
        classes = self.metainfo['classes']
        check_classes(classes, self._categories, self.ann_file)
        for reason, places in self._left_out.items():
            self._say(f'{count(places, "object")} {reason} (first: {places[0]})')
        return samples

    def parse_data_info(self, raw_data_info: dict[str, Any]) -> dict[str, Any]:
        """One image with its objects, after a look at each."""
        if not self._categories:
            categories = self.coco.dataset['categories']
            self._categories = {c['id']: c['name'] for c in categories}
        image = raw_data_info['raw_img_info']
        for annotation in raw_data_info['raw_ann_info']:
            place = f'annotation {annotation.get("id")} of {image["file_name"]}'
            try:
                reason = self._why_left_out(annotation, image)
            except ValueError as error:
                raise ValueError(f'{place} of {self.ann_file} {error}') from None
            if reason:
                self._left_out.setdefault(reason, []).append(place)
        return super().parse_data_info(raw_data_info)  # type: ignore[misc]

    def filter_data(self) -> list[dict[str, Any]]:
        """Without the images that ``filter_cfg`` excludes, which are named."""
        kept = super().filter_data()  # type: ignore[misc]
        ids = {sample['img_id'] for sample in kept}
        left = [s['img_path'] for s in self.data_list if s['img_id'] not in ids]
        if left:
            names = ', '.join(Path(path).name for path in left[:3])
            self._say(
                f'{count(left, "image")} of {len(self.data_list)} without objects or '
                f'too small, by filter_cfg ({names}{", ..." if left[3:] else ""})'
            )
        if not kept:
            raise ValueError(
                f'{self.ann_file} holds no image with an object of the classes '
                f'{", ".join(self.metainfo["classes"])}: there is nothing to train on.'
            )
        return kept

    def _why_left_out(self, annotation: dict, image: dict) -> str | None:
        """Why MMDetection does not show an object to the model; None if it does."""
        missing = {'bbox', 'area'} - set(annotation)
        if missing:
            raise ValueError(f'has no {", ".join(sorted(missing))}')
        x, y, width, height = annotation['bbox']
        if not all(map(math.isfinite, (x, y, width, height))):
            raise ValueError(f'has bbox={annotation["bbox"]}, which are no numbers')
        if annotation.get('ignore'):
            return 'marked `ignore`'
        right, bottom = x + width, y + height
        if x >= image['width'] or y >= image['height'] or min(right, bottom) <= 0:
            return 'outside their image'
        if annotation['area'] <= 0 or width < 1 or height < 1:
            return 'smaller than a pixel'
        if annotation['category_id'] not in self.cat_ids:
            category = annotation['category_id']
            name = self._categories.get(category, 'not in `categories`')
            return f'of category {category} ({name}), no class of the config'
        if self._loads_masks():
            return why_no_mask(annotation.get('segmentation'))
        return None

    def _loads_masks(self) -> bool:
        return any(getattr(t, 'with_mask', False) for t in self.pipeline.transforms)

    def _say(self, what: str) -> None:
        message = f'{type(self).__name__} leaves out of {self.ann_file}: {what}'
        print_log(message, 'current', logging.WARNING)


def check_classes(
    classes: Sequence[str], categories: dict[int, str], file: str
) -> None:
    """The labels are counted in the order of the file, so the names must be too."""
    named = [name for name in categories.values() if name in classes]
    missing = [name for name in classes if name not in named]
    if missing:
        raise ValueError(
            f'the classes {shortened(missing)} are not among the categories of {file} '
            f'({shortened(list(categories.values()))}): set metainfo=dict(classes='
            '(...)) of the data set to categories of the file, and num_classes of '
            'every head'
        )
    if named != list(classes):
        raise ValueError(
            f'the classes {shortened(list(classes))} have another order in {file}: '
            f'write them in its order, metainfo=dict(classes={tuple(named)})'
        )


def why_no_mask(segmentation: Any) -> str | None:
    """Why MMDetection counts an object as a crowd when it trains masks."""
    if not segmentation:
        raise ValueError('has no segmentation, but the config loads masks')
    if isinstance(segmentation, list):
        corners = [len(p) for p in segmentation if len(p) % 2 == 0]
        if not corners or max(corners) < 6:
            return 'with an outline of fewer than three corners'
    return None


def count(things: Sequence, name: str) -> str:
    """Such as 3 objects."""
    return f'{len(things)} {name}{"s" if len(things) > 1 else ""}'


@DATASETS.register_module()
class CocoDet(CheckedObjects, CocoDataset):
    """COCO objects, checked; with ``metainfo``, any data in its layout."""

    environment = 'COCO'
    source = (
        'COCO 2017 is at https://cocodataset.org/#download; configs/_base_/datasets/'
        'coco_det.py shows the layout.'
    )


@DATASETS.register_module()
class TinyDet(CheckedObjects, CocoDataset):
    """TinyPeople's boxes and masks, checked."""

    METAINFO: ClassVar[dict[str, Any]] = dict(
        classes=('person',), palette=[(220, 20, 60)]
    )
    environment = 'TINY_PEOPLE'
    source = '`hrnet-mm tiny-people FOLDER` draws it.'
