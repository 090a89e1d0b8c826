"""MMPose's metrics, for annotation files as tools write them."""

from __future__ import annotations

from typing import Any

from mmpose.evaluation.metrics import CocoMetric

from hrnet_mm.datasets.annotations import normalize_annotations
from hrnet_mm.registry import METRICS


@METRICS.register_module()
class CocoPoseMetric(CocoMetric):
    """COCO's keypoint AP on what the data sets of this package read.

    Args:
        ann_file: As the data set has it; by default, that of the data set.
        kwargs: Of MMPose's ``CocoMetric``.

    Raises:
        ValueError: if the data have no sigmas, or other keypoints than ``ann_file``;
            or if there are no predictions.
    """

    gt_converter: dict[str, Any] | None

    def __init__(self, ann_file: str | None = None, **kwargs: Any) -> None:
        super().__init__(ann_file and normalize_annotations(ann_file), **kwargs)

    @property
    def dataset_meta(self) -> dict[str, Any] | None:
        """The metainfo of the data set."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, metainfo: dict[str, Any]) -> None:
        name, number = metainfo['dataset_name'], metainfo['num_keypoints']
        if not len(metainfo['sigmas']):
            raise ValueError(
                f'the metainfo of {name!r} has no sigmas, and AP needs one for each of '
                f'its {number} keypoints: how far annotators differ, as a share of the '
                'size of a person (COCO: 0.026 of the nose to 0.107 of a hip). Write '
                "them, or score with dict(type='PCKAccuracy') or dict(type='NME')"
            )
        converter, stored = self.gt_converter, self._stored_keypoints()
        if converter is not None and number == converter['num_keypoints'] != stored:
            # metainfo of the CombinedDataset that converts, so of the result
            self.gt_converter = None
        CocoMetric.dataset_meta.fset(self, dict(metainfo))
        self.gt_converter = converter
        if converter is None and self._stored_keypoints() not in (0, number):
            raise ValueError(
                f'the data set {name!r} has {number} keypoints, and ann_file of '
                f'{type(self).__name__} has {self._stored_keypoints()}: give it an '
                'ann_file of the same keypoints, or gt_converter=dict('
                "type='KeypointConverter', ...), as in the pipeline of the data set"
            )

    def _stored_keypoints(self) -> int:
        """Keypoints of a person in the annotation file; 0 if there are none."""
        people = [] if self.coco is None else self.coco.dataset.get('annotations', [])
        return max((len(it.get('keypoints', ())) // 3 for it in people), default=0)

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """AP and AR, after a look at whether there is anything to score."""
        if not results:
            name = (self.dataset_meta or {}).get('dataset_name')
            raise ValueError(
                f'{type(self).__name__} got no predictions of {name!r}. '
                'MultiDatasetEvaluator gives predictions to metrics by dataset_name in '
                'METAINFO of the class of the data set: two data sets of one class, or '
                'of one name, share one. Score them in jobs of their own, or give each '
                'a class with its name'
            )
        return super().compute_metrics(results)
