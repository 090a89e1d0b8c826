"""Keypoint metrics: AP on the files that our data sets read, and PCK of Horse-10."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from mmpose.evaluation.functional import keypoint_pck_accuracy
from mmpose.evaluation.metrics import NME, CocoMetric
from mmpose.evaluation.metrics import CocoWholeBodyMetric as StockWholeBodyMetric
from xtcocotools.cocoeval import COCOeval

from hrnet_mm.datasets.annotations import normalize_annotations
from hrnet_mm.registry import METRICS

from .keypoints import WHOLE_BODY, count_keypoints

# Names of mmpose for the scores of COCOeval.
STATS = (
    'AP', 'AP .5', 'AP .75', 'AP (M)', 'AP (L)',
    'AR', 'AR .5', 'AR .75', 'AR (M)', 'AR (L)',
)  # fmt: skip


@METRICS.register_module()
class CocoPoseMetric(CocoMetric):
    """MMPose's ``CocoMetric`` for the annotation files that our data sets accept.

    Args:
        ann_file: Path of the annotations; the default is that of the data set.
        kwargs: Arguments of MMPose's ``CocoMetric``.

    Raises:
        ValueError: If the metainfo has no sigmas, ``ann_file`` has another number of
            keypoints, or there are no predictions.
    """

    gt_converter: dict[str, Any] | None
    keypoint_fields: ClassVar[tuple[str, ...]] = ('keypoints',)

    def __init__(self, ann_file: str | None = None, **kwargs: Any) -> None:
        super().__init__(ann_file and normalize_annotations(ann_file), **kwargs)

    @property
    def dataset_meta(self) -> dict[str, Any] | None:
        """Metainfo of the data set."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, metainfo: dict[str, Any]) -> None:
        name, number = metainfo['dataset_name'], metainfo['num_keypoints']
        if not len(metainfo['sigmas']):
            raise ValueError(
                f'the metainfo of {name!r} has no sigmas, but AP needs one for each of '
                f'its {number} keypoints: the standard deviation of annotations, '
                'relative to the size of an instance (COCO: 0.026 for the nose, 0.107 '
                "for a hip). Add them, or evaluate with dict(type='PCKAccuracy') or "
                "dict(type='NME')"
            )
        converter, stored = self.gt_converter, self._stored_keypoints()
        if converter is not None and number == converter['num_keypoints'] != stored:
            # the metainfo of CombinedDataset already describes converted keypoints
            self.gt_converter = None
        CocoMetric.dataset_meta.fset(self, dict(metainfo))
        self.gt_converter = converter
        if converter is None and self._stored_keypoints() not in (0, number):
            raise ValueError(
                f'the data set {name!r} has {number} keypoints, but ann_file of '
                f'{type(self).__name__} has {self._stored_keypoints()}: set an '
                'ann_file with the same keypoints, or gt_converter=dict('
                "type='KeypointConverter', ...), as in the pipeline of the data set"
            )

    def _stored_keypoints(self) -> int:
        data = {} if self.coco is None else self.coco.dataset
        annotations = data.get('annotations', [])
        counts = (count_keypoints(it, self.keypoint_fields) for it in annotations)
        return max(counts, default=0)

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """Compute AP and AR."""
        if not results:
            name = (self.dataset_meta or {}).get('dataset_name')
            raise ValueError(
                f'{type(self).__name__} got no predictions of {name!r}. '
                'MultiDatasetEvaluator assigns predictions to metrics by dataset_name '
                'in METAINFO of the data set class, so two data sets of the same class '
                'share one metric. Evaluate them in separate jobs, or write a class '
                'with its own dataset_name for each'
            )
        return super().compute_metrics(results)


@METRICS.register_module()
class KeypointDistancePCK(NME):
    """NME, and the share of keypoints with a small error (PCK), of Horse-10.

    Both are relative to the distance between two keypoints. MMPose has such an ``NME``,
    but its ``PCKAccuracy`` is relative to boxes.

    Args:
        thr: Largest error of a correct keypoint.
        kwargs: Arguments of MMPose's ``NME``, such as ``keypoint_indices``; the default
            is nose and eye in Horse-10.
    """

    def __init__(self, thr: float, **kwargs: Any) -> None:
        super().__init__('keypoint_distance', **kwargs)
        self.thr = thr

    def compute_metrics(self, results: list[dict[str, Any]]) -> dict[str, float]:
        """Compute ``NME`` and ``PCK``."""
        scores = super().compute_metrics(results)
        predicted, true, labelled = (
            np.concatenate([result[key] for result in results])
            for key in ('pred_coords', 'gt_coords', 'mask')
        )
        _, pck, _ = keypoint_pck_accuracy(
            predicted, true, labelled, self.thr, self._get_normalize_factor(true)
        )
        return {'PCK': pck, **scores}


@METRICS.register_module()
class CocoWholeBodyMetric(CocoPoseMetric, StockWholeBodyMetric):
    """MMPose's ``CocoWholeBodyMetric``, which also returns AP and AR of parts.

    MMPose prints the scores of parts and returns those of the whole body. The score of
    ``hand`` is the mean of the left and the right hand, as in published tables
    (jin-s13/COCO-WholeBody#38). All parts are ranked by the score of the person.

    Args:
        ann_file: Path of the annotations; the default is that of the data set.
        kwargs: Arguments of MMPose's ``CocoWholeBodyMetric``.

    Raises:
        ValueError: As ``CocoPoseMetric``.
    """

    keypoint_fields = WHOLE_BODY

    def _do_python_keypoint_eval(self, outfile_prefix: str) -> list[tuple[str, float]]:
        # not after MMPose's, which would compute the parts a second time
        assert self.dataset_meta is not None
        found = self.coco.loadRes(f'{outfile_prefix}.keypoints.json')
        sigmas = np.asarray(self.dataset_meta['sigmas'])
        numbers = dict(
            body=self.body_num,
            foot=self.foot_num,
            face=self.face_num,
            lefthand=self.left_hand_num,
            righthand=self.right_hand_num,
        )
        slices = np.split(sigmas, np.cumsum([*numbers.values()])[:-1])
        scores = {
            part: self._score(found, f'keypoints_{part}', those)
            for part, those in zip(numbers, slices, strict=True)
        }
        hands = [scores.pop(f'{side}hand') for side in ('left', 'right')]
        scores['hand'] = np.mean(hands, axis=0)
        whole = self._score(found, 'keypoints_wholebody', sigmas)
        return [
            *zip(STATS, whole, strict=True),
            *(
                (f'{part} {name}', float(stats[STATS.index(name)]))
                for part, stats in scores.items()
                for name in ('AP', 'AR')
            ),
        ]

    def _score(self, found: Any, kind: str, sigmas: np.ndarray) -> Sequence[float]:
        scorer = COCOeval(self.coco, found, kind, sigmas, use_area=self.use_area)
        scorer.params.useSegm = None
        scorer.evaluate()
        scorer.accumulate()
        scorer.summarize()
        return scorer.stats
