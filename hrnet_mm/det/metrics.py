"""COCO metric for the annotation files that hrnet_mm's data sets read."""

from __future__ import annotations

from collections.abc import Sequence
from types import FunctionType
from typing import Any

import numpy as np
from mmdet.evaluation import CocoMetric, bbox_overlaps
from mmdet.evaluation.functional.recall import _recalls

from hrnet_mm.datasets.annotations import normalize_annotations
from hrnet_mm.registry import METRICS
from hrnet_mm.standins.xtcocotools.cocoeval import COCOeval

STOCK: Any = CocoMetric.compute_metrics


def compute_with(evaluator: type[COCOeval]) -> FunctionType:
    """Return MMDetection's ``compute_metrics`` with another evaluator.

    It is their function, in which the names of its evaluators mean ``evaluator``.
    """
    return FunctionType(
        STOCK.__code__,
        STOCK.__globals__ | dict(COCOeval=evaluator, COCOevalMP=evaluator),
        argdefs=STOCK.__defaults__,
        closure=STOCK.__closure__,
    )


@METRICS.register_module()
class CocoDetMetric(CocoMetric):
    """MMDetection's ``CocoMetric`` for the annotation files that our data sets accept.

    The scores are those of pycocotools, computed by faster-coco-eval.

    Args:
        ann_file: Path of the annotations; by default, those of the samples.
        iou_thrs: IoU thresholds, one or several; the default is 0.5 to 0.95.
        backend_args: Arguments of mmengine's file backend.
        kwargs: Arguments of MMDetection's ``CocoMetric``.
    """

    def __init__(
        self,
        ann_file: str | None = None,
        iou_thrs: float | Sequence[float] | None = None,
        backend_args: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            ann_file and normalize_annotations(ann_file, backend_args=backend_args),
            # pycocotools expects an array
            iou_thrs=None if iou_thrs is None else np.atleast_1d(iou_thrs),
            backend_args=backend_args,
            **kwargs,
        )
        if self._coco_api is not None and 'segm' in self.metrics:
            _ignore_missing_masks(self._coco_api.dataset['annotations'])

    compute_metrics = compute_with(COCOeval)

    def fast_eval_recall(
        self,
        results: Sequence[dict[str, Any]],
        proposal_nums: Sequence[int],
        iou_thrs: np.ndarray,
        logger: Any = None,
    ) -> np.ndarray:
        """Compute the recall of ``metric='proposal_fast'``, averaged over thresholds.

        MMDetection puts the IoUs of all images into one array, which fails unless all
        images have equally many objects.

        Args:
            results: Image id, boxes, (N, 4), and scores, (N,), of each image.
            proposal_nums: Maximum numbers of proposals in an image.
            iou_thrs: IoU thresholds.
            logger: Unused.

        Returns:
            (len(proposal_nums),), the recall for each number of proposals.
        """
        overlaps = np.empty(len(results), dtype=object)
        for i, result in enumerate(results):
            ids = self._coco_api.get_ann_ids(img_ids=result['img_id'])
            objects = [
                annotation['bbox']
                for annotation in self._coco_api.load_anns(ids)
                if not (annotation.get('ignore') or annotation['iscrowd'])
            ]
            boxes = np.array(objects, dtype=np.float32).reshape(-1, 4)
            boxes[:, 2:] += boxes[:, :2]
            best = np.argsort(-result['scores'], kind='stable')
            overlaps[i] = bbox_overlaps(boxes, result['bboxes'][best])
        return _recalls(overlaps, np.asarray(proposal_nums), iou_thrs).mean(axis=1)


def _ignore_missing_masks(annotations: list[dict[str, Any]]) -> None:
    # as in training: an object without a mask is neither a hit nor a miss
    for annotation in annotations:
        if not annotation.get('segmentation'):
            x, y, width, height = annotation['bbox']
            right, bottom = x + width, y + height
            annotation['segmentation'] = [[x, y, right, y, right, bottom, x, bottom]]
            annotation['iscrowd'] = 1
