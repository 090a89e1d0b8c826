"""COCO data sets of MMDetection that check annotations and report skipped ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from mmdet.datasets import CocoDataset

from hrnet_mm.datasets.checked import CheckedCoco
from hrnet_mm.datasets.coco_rules import check_classes, why_object_skipped
from hrnet_mm.messages import counted
from hrnet_mm.registry import DATASETS

NO_OUTLINE: list = [[]]  # MMDetection ignores an object with it in the losses


class CheckedObjects(CheckedCoco):
    """Mixin for data sets of objects in COCO format.

    MMDetection skips objects and images silently. This class logs each reason once,
    with a count and the first image, and raises for errors that would train on wrong
    labels.

    Raises:
        ValueError: If the classes do not match the annotation file, or an annotation
            lacks a key that training needs.
    """

    contents = 'image'
    thing = 'object'

    metainfo: dict[str, Any]
    cat_ids: list[int]
    coco: Any
    data_list: list[dict[str, Any]]
    pipeline: Any
    test_mode: bool

    @classmethod
    def _load_metainfo(cls, metainfo: Any = None) -> dict[str, Any]:
        found = super()._load_metainfo(metainfo)
        if len(found.get('palette') or ()) < len(found['classes']):
            # that of other classes; the visualizers choose colours if there is none
            found.pop('palette', None)
        return found

    def load_data_list(self) -> list[dict[str, Any]]:
        """Load the images with their objects."""
        self._categories: dict[int, str] = {}
        samples = super().load_data_list()
        classes = self.metainfo['classes']
        check_classes(classes, self._categories, self.given_file)
        return samples

    def parse_data_info(self, raw_data_info: dict[str, Any]) -> dict[str, Any]:
        """Check and parse the annotations of one image."""
        if not self._categories:
            categories = self.coco.dataset['categories']
            self._categories = {c['id']: c['name'] for c in categories}
        image = raw_data_info['raw_img_info']
        self._sizes[image['id']] = (image['width'], image['height'])
        categories, masks = set(self.cat_ids), self._loads_masks()
        for annotation in raw_data_info['raw_ann_info']:
            where = f'annotation {annotation["id"]} of {image["file_name"]}'
            if 'bbox' not in annotation:
                raise ValueError(f'{where} of {self.given_file} has no bbox')
            self._number += 1
            reason = why_object_skipped(
                annotation, image, self._categories, categories, masks
            )
            if reason:
                self._left_out.setdefault(reason, []).append(where)
            if masks and not annotation.get('segmentation'):
                annotation['segmentation'] = NO_OUTLINE
        return super().parse_data_info(raw_data_info)  # type: ignore[misc]

    def filter_data(self) -> list[dict[str, Any]]:
        """Remove the images that ``filter_cfg`` excludes, and log them."""
        kept = super().filter_data()  # type: ignore[misc]
        ids = {sample['img_id'] for sample in kept}
        left = [s['img_path'] for s in self.data_list if s['img_id'] not in ids]
        if left:
            names = ', '.join(Path(path).name for path in left[:3])
            self._say(
                f'{counted(len(left), "image")} of {len(self.data_list)} without '
                f'objects or too small, by filter_cfg ({names}'
                f'{", ..." if left[3:] else ""})'
            )
        background = kept and not self._number
        if not (self.test_mode or background or any(map(self._is_trainable, kept))):
            reasons = [f'{len(them)} {why}' for why, them in self._left_out.items()]
            raise ValueError(
                f'{self.given_file} has no object to train on of the classes '
                f'{", ".join(self.metainfo["classes"])}'
                + (f' ({", ".join(reasons)})' if reasons else '')
            )
        return kept

    @staticmethod
    def _is_trainable(sample: dict[str, Any]) -> bool:
        return any(
            not it['ignore_flag'] and it.get('mask') != NO_OUTLINE
            for it in sample['instances']
        )

    def _loads_masks(self) -> bool:
        return any(getattr(t, 'with_mask', False) for t in self.pipeline.transforms)


@DATASETS.register_module()
class CocoDet(CheckedObjects, CocoDataset):
    """COCO objects, or with ``metainfo`` any data in COCO format, with checks."""

    environment = 'COCO'
    source = (
        'COCO 2017 is at https://cocodataset.org/#download; configs/_base_/datasets/'
        'coco_det.py shows the layout.'
    )


@DATASETS.register_module()
class TinyDet(CheckedObjects, CocoDataset):
    """Boxes and masks of TinyPeople, with checks of the annotations."""

    METAINFO: ClassVar[dict[str, Any]] = dict(
        classes=('person',), palette=[(220, 20, 60)]
    )
    environment = 'TINY_PEOPLE'
    source = '`hrnet-mm tiny-people FOLDER` draws it.'
