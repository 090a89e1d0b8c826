"""Panoptic quality (Kirillov et al., CVPR 2019), without panopticapi."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
from mmdet.evaluation import INSTANCE_OFFSET
from mmengine.evaluator import BaseMetric
from mmengine.fileio import get, get_text

from hrnet_mm.messages import shortened
from hrnet_mm.registry import METRICS

VOID = 0  # the id of pixels without a label
MATCH = 0.5  # smallest IoU of a match; at most one segment is above it


def segment_ids(colours: np.ndarray) -> np.ndarray:
    """Return the ids, (H, W), of a panoptic label map, (H, W, 3), in RGB order."""
    return colours.astype(np.int64) @ [1, 1 << 8, 1 << 16]


class PanopticQuality:
    """Matched, missed and false segments of each category.

    Segments match if they have the same category and an IoU above 0.5. Pixels without a
    label do not count, and a found segment is not false if more than half of it has no
    label or lies in a crowd of its category. Equal to panopticapi's ``evaluation.py``.

    Args:
        categories: The number of categories, C.

    Attributes:
        counts: Shape (4, C): the sum of the IoU of matches, and the numbers of matches,
            of missed and of false segments.
    """

    def __init__(self, categories: int) -> None:
        self.counts = np.zeros((4, categories))

    def add(
        self,
        found: np.ndarray,
        found_categories: Mapping[int, int],
        true: np.ndarray,
        true_categories: Mapping[int, int],
        crowds: Collection[int] = (),
    ) -> None:
        """Add the segments of an image.

        Args:
            found: The id of the segment at each pixel, (H, W); 0 for none.
            found_categories: The category of each id in ``found``, 0 to C - 1.
            true: As ``found``, for the truth.
            true_categories: As ``found_categories``, for the truth.
            crowds: Ids of the truth that are crowds.
        """
        shared = _count_pairs(true, found)
        labelled = {it: c for it, c in true_categories.items() if it not in crowds}
        # of several crowds of a category, panopticapi reads the last
        crowd_of = {c: it for it, c in true_categories.items() if it in crowds}
        matches = {
            pair: iou
            for pair, iou in _overlaps(shared).items()
            if iou > MATCH and labelled.get(pair[0]) == found_categories[pair[1]]
        }
        hits = {segment for _, segment in matches}
        for (truth, _), iou in matches.items():
            self.counts[:2, labelled.pop(truth)] += iou, 1
        for category in labelled.values():
            self.counts[2, category] += 1
        areas = _areas(shared, 1)
        for segment, category in found_categories.items():
            ignored = {VOID, crowd_of.get(category, VOID)}
            pixels = sum(shared.get((it, segment), 0) for it in ignored)
            if segment not in hits and pixels <= areas[segment] / 2:
                self.counts[3, category] += 1

    def scores(self, categories: Sequence[int] | None = None) -> dict[str, float]:
        """Return PQ, SQ and RQ in percent: means of the categories that occur.

        Args:
            categories: The categories to average; None for all.
        """
        counts = self.counts if categories is None else self.counts[:, [*categories]]
        iou, matched, missed, false = counts[:, counts[1:].any(axis=0)]
        if not len(iou):
            return dict(PQ=0.0, SQ=0.0, RQ=0.0)
        segments = matched + (missed + false) / 2
        quality = dict(
            PQ=iou / segments, SQ=iou / np.maximum(matched, 1), RQ=matched / segments
        )
        return {name: 100 * float(values.mean()) for name, values in quality.items()}


def _count_pairs(true: np.ndarray, found: np.ndarray) -> dict[tuple[int, int], int]:
    # pixels of each pair of ids
    pairs = true.astype(np.int64) << 32 | found.astype(np.int64)
    ids, pixels = np.unique(pairs, return_counts=True)
    both = zip((ids >> 32).tolist(), (ids & (1 << 32) - 1).tolist(), strict=True)
    return dict(zip(both, pixels.tolist(), strict=True))


def _overlaps(shared: Mapping[tuple[int, int], int]) -> dict[tuple[int, int], float]:
    # the IoU of each pair of segments, without the pixels that have no label
    true, found = _areas(shared, 0), _areas(shared, 1)
    return {
        (a, b): pixels / (true[a] + found[b] - pixels - shared.get((VOID, b), 0))
        for (a, b), pixels in shared.items()
        if VOID not in (a, b)
    }


def _areas(shared: Mapping[tuple[int, int], int], side: int) -> dict[int, int]:
    areas: dict[int, int] = {}
    for ids, pixels in shared.items():
        areas[ids[side]] = areas.get(ids[side], 0) + pixels
    return areas


@METRICS.register_module()
class CocoPanopticMetric(BaseMetric):
    """Panoptic quality of MMDetection's panoptic detectors.

    The scores are those of MMDetection's metric of this name, which needs panopticapi:
    ``PQ``, ``SQ`` and ``RQ`` in percent, and ``_th`` and ``_st`` for things and stuff.
    Label maps are found by the ``file_name`` of the annotations, so that they may have
    other names than the images, as those of Cityscapes.

    Args:
        ann_file: The JSON file of the truth, in COCO's panoptic format.
        seg_prefix: The folder of its label maps.
        backend_args: Arguments of mmengine's file backend.
        kwargs: Arguments of ``BaseMetric``.

    Raises:
        ValueError: If a category of the file is no class, a label map lacks a segment
            of the file, or a prediction has another size than its label map.
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
        self._file, self._folder, self._backend = ann_file, seg_prefix, backend_args
        content = json.loads(get_text(ann_file, backend_args=backend_args))
        self._names = {it['id']: it['name'] for it in content['categories']}
        self._truth = {it['image_id']: it for it in content['annotations']}

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
            true, categories, crowds = self._read(sample['img_id'], classes)
            if true.shape != found.shape:
                raise ValueError(
                    f'the prediction of image {sample["img_id"]} is {found.shape} '
                    f'pixels high and wide, its label map {true.shape}'
                )
            quality = PanopticQuality(len(classes))
            quality.add(found, named, true, categories, crowds)
            self.results.append(quality.counts)

    def _read(
        self, image: Any, classes: list[str]
    ) -> tuple[np.ndarray, dict[int, int], set[int]]:
        truth = self._truth[image]
        path = str(Path(self._folder) / truth['file_name'])
        content = get(path, backend_args=self._backend)
        ids = segment_ids(mmcv.imfrombytes(content, channel_order='rgb'))
        segments = truth['segments_info']
        unknown = {self._names[it['category_id']] for it in segments} - {*classes}
        if unknown:
            raise ValueError(
                f'{self._file} has segments of {shortened(sorted(unknown))}, which are '
                'no classes of the data set: set metainfo.classes'
            )
        missing = {it['id'] for it in segments} - {*np.unique(ids).tolist()}
        if missing:
            raise ValueError(f'{path} has no pixel of the segments {missing}')
        labels = {
            it['id']: classes.index(self._names[it['category_id']]) for it in segments
        }
        known = np.where(np.isin(ids, [*labels]), ids, VOID)
        return known, labels, {it['id'] for it in segments if it.get('iscrowd')}

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
