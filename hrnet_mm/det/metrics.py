"""MMDetection's metrics, for annotation files as tools write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmdet.evaluation import CocoMetric, bbox_overlaps
from mmdet.evaluation.functional.recall import _recalls

from hrnet_mm.datasets.annotations import normalize_annotations
from hrnet_mm.registry import METRICS


@METRICS.register_module()
class CocoDetMetric(CocoMetric):
    """COCO's box and mask AP on what the data sets of this package read.

    Args:
        ann_file: As the data set has it; by default, the annotations of its samples.
        iou_thrs: IoU thresholds, one or several; by default, 0.5 to 0.95.
        backend_args: Of mmengine's file functions.
        kwargs: Of MMDetection's ``CocoMetric``.
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
            # pycocotools compares them as an array
            iou_thrs=None if iou_thrs is None else np.atleast_1d(iou_thrs),
            backend_args=backend_args,
            **kwargs,
        )
        if self._coco_api is not None and 'segm' in self.metrics:
            ignore_without_outline(self._coco_api.dataset['annotations'])

    def fast_eval_recall(
        self,
        results: Sequence[dict[str, Any]],
        proposal_nums: Sequence[int],
        iou_thrs: np.ndarray,
        logger: Any = None,
    ) -> np.ndarray:
        """Recall of ``metric='proposal_fast'``, the mean over thresholds.

        MMDetection puts the IoUs of all images into one array, which numpy makes of
        images with equally many objects only.

        Args:
            results: Image id, boxes (N, 4) and scores (N,) of each image.
            proposal_nums: How many boxes of an image may be used.
            iou_thrs: IoUs at which an object counts as found.
            logger: Not needed.

        Returns:
            One recall for each of ``proposal_nums``.
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


def ignore_without_outline(annotations: list[dict[str, Any]]) -> None:
    """Score masks as MMDetection trains them: where there is none, nothing counts."""
    for annotation in annotations:
        if not annotation.get('segmentation'):
            x, y, width, height = annotation['bbox']
            right, bottom = x + width, y + height
            annotation['segmentation'] = [[x, y, right, y, right, bottom, x, bottom]]
            annotation['iscrowd'] = 1
