"""Metrics of panoptic detectors, without panopticapi."""

from __future__ import annotations

import json
from collections.abc import Sequence
from os.path import join  # also of URLs
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmdet.evaluation import INSTANCE_OFFSET
from mmdet.structures.mask import encode_mask_results
from mmengine.evaluator import BaseMetric
from pycocotools import mask as mask_utils

from hrnet_mm.messages import shortened
from hrnet_mm.registry import METRICS

from .metrics import CocoDetMetric
from .panoptic import VOID, PanopticQuality, check_listed, read_segment_ids
from .panoptic_datasets import read_panoptic


class Truth(NamedTuple):
    """The true segments of an image.

    Args:
        ids: (H, W), the id of the segment at each pixel; 0 for none.
        labels: The class of each id.
        crowds: The ids of crowds.
    """

    ids: np.ndarray
    labels: dict[int, int]
    crowds: set[int]


class PanopticTruths:
    """Reader of the truth of images: a JSON file in COCO's panoptic format, and PNGs.

    Label maps are found by the ``file_name`` of the annotations, so that they may have
    other names than the images, as those of Cityscapes.

    Args:
        ann_file: The path of the file.
        seg_prefix: The folder of its label maps.
        backend_args: Arguments of mmengine's file backend.
    """

    def __init__(
        self, ann_file: str, seg_prefix: str, backend_args: dict[str, Any] | None
    ) -> None:
        self._file, self._folder, self._backend = ann_file, seg_prefix, backend_args
        content = read_panoptic(ann_file, backend_args)
        self._names = {it['id']: it['name'] for it in content['categories']}
        self._truths = {it['image_id']: it for it in content.get('annotations', ())}
        self._numbers = {image: i for i, image in enumerate(self._truths, start=1)}

    def number(self, image: Any) -> int:
        """Return the position of an image in the file, from 1, by its id."""
        return self._numbers[image]

    def read(self, image: Any, classes: Sequence[str]) -> Truth:
        """Read the truth of an image.

        Args:
            image: Its id.
            classes: The names of the classes, in the order of their labels.

        Raises:
            ValueError: If the file has no annotations of the image, a category of it is
                no class, the label map lacks a segment, or it has another one.
        """
        if image not in self._truths:
            raise ValueError(
                f'{self._file} of the evaluator has no annotations of the image '
                f'{image!r}: set ann_file and seg_prefix of the metrics to the files '
                'of the data set'
            )
        truth = self._truths[image]
        path = join(self._folder, truth['file_name'])
        ids = read_segment_ids(path, backend_args=self._backend)
        segments = truth['segments_info']
        unknown = {self._names[it['category_id']] for it in segments} - {*classes}
        if unknown:
            raise ValueError(
                f'{self._file} has segments of {shortened(sorted(unknown))}, which are '
                'no classes of the data set: set metainfo.classes'
            )
        found = np.unique(ids).tolist()
        check_listed(found, [it['id'] for it in segments], path)
        missing = {it['id'] for it in segments} - {*found}
        if missing:
            raise ValueError(f'{path} has no pixel of the segments {missing}')
        labels = {
            it['id']: [*classes].index(self._names[it['category_id']])
            for it in segments
        }
        return Truth(ids, labels, {it['id'] for it in segments if it.get('iscrowd')})


@METRICS.register_module()
class CocoPanopticMetric(BaseMetric):
    """Panoptic quality of MMDetection's panoptic detectors.

    The scores are those of MMDetection's metric of this name, which needs panopticapi:
    ``PQ``, ``SQ`` and ``RQ`` in percent, and ``_th`` and ``_st`` for things and stuff.

    Args:
        ann_file: The JSON file of the truth, in COCO's panoptic format.
        seg_prefix: The folder of its label maps; see ``PanopticTruths``.
        backend_args: Arguments of mmengine's file backend.
        kwargs: Arguments of ``BaseMetric``.

    Raises:
        ValueError: If the truth is not consistent, or a prediction has another size
            than its label map.
    """

    default_prefix = 'coco_panoptic'

    def __init__(
        self,
        ann_file: str,
        seg_prefix: str,
        backend_args: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._truths = PanopticTruths(ann_file, seg_prefix, backend_args)

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Count the segments of some images.

        Args:
            data_batch: Unused.
            data_samples: Samples with ``img_id`` and ``pred_panoptic_seg``, whose
                ``sem_seg``, (1, H, W), has class + 1000 * instance at each pixel.
        """
        classes = list(self.dataset_meta['classes'])
        for sample in data_samples:
            found = np.asarray(sample['pred_panoptic_seg']['sem_seg'].cpu())[0]
            ids = [it for it in np.unique(found) if it % INSTANCE_OFFSET < len(classes)]
            named = {int(it) + 1: int(it) % INSTANCE_OFFSET for it in ids}
            found = np.where(np.isin(found, ids), found + 1, VOID)
            truth = self._truths.read(sample['img_id'], classes)
            if truth.ids.shape != found.shape:
                raise ValueError(
                    f'the prediction of image {sample["img_id"]} is {found.shape} '
                    f'pixels high and wide, its label map {truth.ids.shape}'
                )
            quality = PanopticQuality(len(classes))
            quality.add(found, named, *truth)
            self.results.append(quality.counts)

    def compute_metrics(self, results: list[np.ndarray]) -> dict[str, float]:
        """Compute the scores of all categories, of things and of stuff."""
        classes = list(self.dataset_meta['classes'])
        quality = PanopticQuality(len(classes))
        quality.counts = np.sum(results, axis=0)
        things = {*self.dataset_meta['thing_classes']}
        parts = {
            '_th': [i for i, name in enumerate(classes) if name in things],
            '_st': [i for i, name in enumerate(classes) if name not in things],
        }
        scores = quality.scores()
        for end, part in parts.items():
            found = quality.scores(part)
            scores |= {name + end: score for name, score in found.items()}
        return scores


@METRICS.register_module()
class PanopticInstanceMetric(CocoDetMetric):
    """AP of the instances of a panoptic detector: box AP, mask AP or both.

    The true instances are the things of the panoptic truth. Classes of stuff have no
    instance, and are not among the classes that are averaged.

    Args:
        ann_file: The JSON file of the truth, in COCO's panoptic format.
        seg_prefix: The folder of its label maps; see ``PanopticTruths``.
        backend_args: Arguments of mmengine's file backend.
        kwargs: Arguments of ``CocoDetMetric``.
    """

    def __init__(
        self,
        ann_file: str,
        seg_prefix: str,
        backend_args: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._truths = PanopticTruths(ann_file, seg_prefix, backend_args)

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Collect predictions and true instances of some images.

        Args:
            data_batch: Unused.
            data_samples: Samples with ``img_id`` and ``pred_instances``.
        """
        classes = list(self.dataset_meta['classes'])
        things = len(self.dataset_meta['thing_classes'])
        for sample in data_samples:
            truth = self._truths.read(sample['img_id'], classes)
            instances = [
                _instance(truth, it) for it, c in truth.labels.items() if c < things
            ]
            # string ids, as those of Cityscapes, are not COCO's
            number = self._truths.number(sample['img_id'])
            super().process(
                data_batch, [dict(sample, img_id=number, instances=instances)]
            )

    def gt_to_coco_json(
        self, gt_dicts: Sequence[dict[str, Any]], outfile_prefix: str
    ) -> str:
        """Write the true instances as a COCO file, with the areas of their masks.

        MMDetection writes the areas of their boxes, so that instances would count as
        larger than they are.
        """
        path = Path(super().gt_to_coco_json(gt_dicts, outfile_prefix))
        content = json.loads(path.read_text())
        for it in content.get('annotations', ()):
            encoded = it['segmentation']
            counts = encoded['counts'].encode()
            it['area'] = int(mask_utils.area(dict(encoded, counts=counts)))
        path.write_text(json.dumps(content))
        return str(path)


def _instance(truth: Truth, number: int) -> dict[str, Any]:
    mask = truth.ids == number
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    (encoded,) = encode_mask_results([mask])
    return dict(
        bbox=[float(it) for it in box],
        bbox_label=truth.labels[number],
        mask=encoded,
        ignore_flag=int(number in truth.crowds),
    )
