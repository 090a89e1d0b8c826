"""Prediction of keypoints: people from boxes, from a detector, or bottom-up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.structures import InstanceData
from mmpose.evaluation.functional import nms, oks_nms, soft_oks_nms
from mmpose.registry import DATASETS
from mmpose.structures import PoseDataSample, merge_data_samples

from hrnet_mm.datasets.metainfo import names_of
from hrnet_mm.datasets.outlines import to_finite_array
from hrnet_mm.prediction.formats import CocoResults, ImageIds
from hrnet_mm.prediction.pictures import draw_tracks
from hrnet_mm.prediction.predictor import DataWriter, Instances, Predictor
from hrnet_mm.prediction.sources import Frame, SkippedImage

from .visualization import KEYPOINT_THRESHOLD

# Of images for bottom-up models, which enlarge the short side to 512 pixels or so.
MAX_ASPECT_RATIO = 16
DETECTOR_NMS = 0.3  # IoU above which the weaker of two people is dropped, as in MMPose


class GivenBoxes:
    """The boxes of the instances of each image, from a COCO file.

    Crowds are left out, and categories without keypoints if others have some. Of
    detection results, those of category 1 are people, as MMPose reads them.

    Args:
        content: The parsed annotation file, or a list of detection results.
        ids: The ids of the images.

    Raises:
        ValueError: If an entry has no valid box, or there is none.
    """

    def __init__(self, content: Any, ids: ImageIds) -> None:
        self._ids, self._boxes = ids, dict[str, list[list[float]]]()
        is_annotated = isinstance(content, dict)
        entries = content['annotations'] if is_annotated else content
        wanted = {1}
        if is_annotated:
            categories = content.get('categories') or ()
            wanted = {it['id'] for it in categories if it.get('keypoints')}
        for number, entry in enumerate(entries):
            is_wanted = not wanted or entry.get('category_id', 1) in wanted
            if is_wanted and not entry.get('iscrowd'):
                box = _read_box(entry, f'entry {entry.get("id", number)}')
                self._boxes.setdefault(str(entry['image_id']), []).append(box)
        if not self._boxes:
            raise ValueError('no entry of a person')

    def find(self, frame: Frame, image: np.ndarray) -> np.ndarray:
        """Return (N, 5): x1, y1, x2, y2 in pixels inside the image, and the score.

        Raises:
            SkippedImage: If a box is outside the image.
        """
        boxes = self._boxes.get(str(self._ids.find(frame.source)), [])
        given = np.array(boxes, np.float32).reshape(-1, 5)
        found, (height, width) = given.copy(), image.shape[:2]
        found[:, :4] = found[:, :4].clip(0, np.tile([width - 1, height - 1], 2))
        outside = (found[:, 2:4] <= found[:, :2]).any(axis=1)
        if outside.any():
            raise SkippedImage(
                f'{frame.source} has {width} x {height} pixels, and the box x1, y1, '
                f'x2, y2 = {given[outside][0, :4].tolist()} is outside of it'
            )
        return found


def _read_box(entry: dict[str, Any], label: str) -> list[float]:
    try:
        x, y, width, height = to_finite_array(entry['bbox'], 'bbox').tolist()
        (score,) = to_finite_array([entry.get('score', 1)], 'score').tolist()
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(f'{label} has no valid bbox and score: {error}') from None
    if min(width, height) <= 0:
        raise ValueError(f'{label} has a bbox of {width} x {height} pixels')
    return [x, y, x + width, y + height, score]


def whole_image(frame: Frame, image: np.ndarray) -> np.ndarray:
    """Return the image as one box, (1, 5): x1, y1, x2, y2, score."""
    height, width = image.shape[:2]
    return np.array([[0, 0, width, height, 1]], np.float32)


def finds_people(cfg: Config, metainfo: dict[str, Any]) -> bool:
    """Return whether the instances of a pose model are people, not faces or animals."""
    # the folder of the data set class in mmpose, as MMPoseInferencer does
    dataset = DATASETS.get(cfg.get('dataset_type', 'CocoDataset'))
    kind = dataset.__module__.split('datasets.')[-1] if dataset else 'body'
    has_body = any('hip' in name for name in names_of(metainfo))
    return kind.startswith(('body', 'wholebody')) and has_body


class PosePredictor(Predictor):
    """Keypoints of all instances of an image.

    Args:
        inferencer: ``hrnet_mm.pose.inferencer.Inferencer``, without a detector.
        cfg: Its config.
        detector: The predictor of a detector, for top-down models.
        boxes: A function that returns the boxes of an image, for top-down models
            without a detector.
        options: ``fast`` and ``threshold`` of ``Predictor``.
    """

    has_instances = True
    contents = 'keypoints'

    def __init__(
        self,
        inferencer: Any,
        cfg: Config,
        detector: Predictor | None = None,
        boxes: Any = whole_image,
        **options: Any,
    ) -> None:
        super().__init__(inferencer.inferencer, cfg, **options)
        self.is_topdown = cfg.data_mode == 'topdown'
        if self.is_topdown:
            self.default_batch = 16
        self.detector, self.boxes = detector, boxes
        self.metainfo = self.inferencer.model.dataset_meta
        self.scoring = _Scoring(cfg, self.metainfo)

    def prepare(self, frame: Frame, image: np.ndarray) -> Any:
        """Return the crops of an image, or what a detector or bottom-up model needs."""
        if self.detector is not None:
            return image, self.detector.prepare(frame, image)
        if self.is_topdown:
            return self._crops(image, self.boxes(frame, image))
        height, width = image.shape[:2]
        if max(height, width) > MAX_ASPECT_RATIO * min(height, width):
            raise SkippedImage(
                f'{frame.source} has {width} x {height} pixels. Bottom-up models '
                'enlarge an image until its short side fits; crop it until it is at '
                f'most {MAX_ASPECT_RATIO} times as long as wide'
            )
        return self.inferencer.pipeline(self._sample(image))

    def predict(
        self, prepared: Sequence[Any], batch: int | None = None
    ) -> list[PoseDataSample]:
        """Return the people of each image."""
        if not self.is_topdown:
            return self.run_model(prepared, batch)
        if self.detector is not None:
            prepared = self._detect(prepared)
        crops = [crop for image in prepared for crop in image]
        results = iter(self.run_model(crops, batch))
        return [
            merge_data_samples([next(results) for _ in image]) if image else _nobody()
            for image in prepared
        ]

    def _detect(self, prepared: Sequence[Any]) -> list[list[Any]]:
        assert self.detector is not None
        found = self.detector.predict([it for _, it in prepared])
        return [
            self._crops(image, self._people(self.detector.instances(result)))
            for (image, _), result in zip(prepared, found, strict=True)
        ]

    def _people(self, found: Instances) -> np.ndarray:
        boxes = np.column_stack([found.boxes, found.scores])
        boxes = boxes[found.scores > self.threshold]
        return boxes[nms(boxes, DETECTOR_NMS)] if len(boxes) else boxes

    def _sample(self, image: np.ndarray) -> dict[str, Any]:
        return dict(self.metainfo, img=image, img_path='')

    def _crops(self, image: np.ndarray, boxes: np.ndarray) -> list[Any]:
        return [
            self.inferencer.pipeline(
                dict(self._sample(image), bbox=box[None, :4], bbox_score=box[None, 4])
            )
            for box in boxes
        ]

    def instances(self, result: PoseDataSample) -> Instances:
        """Return boxes, scores and keypoints of the people of an image."""
        people = result.pred_instances
        return Instances(people.bboxes, people.bbox_scores, people.keypoints)

    def draw(self, image: np.ndarray, result: PoseDataSample) -> np.ndarray:
        """Draw the keypoints of all people on an image."""
        people = result.pred_instances
        drawn = image
        if len(people):
            shown = PoseDataSample()
            shown.pred_instances = people[people.bbox_scores >= self.threshold]
            drawn = self.inferencer.visualizer.add_datasample(
                'image',
                image[..., ::-1].copy(),
                shown,
                draw_gt=False,
                kpt_thr=KEYPOINT_THRESHOLD,
            )[..., ::-1].copy()
        if 'track_ids' in people:
            draw_tracks(drawn, people.bboxes, people.track_ids)
        return drawn

    def open_data(
        self, folder: Path, ids: ImageIds, categories: Sequence[dict[str, Any]]
    ) -> DataWriter:
        """Return the writer of COCO keypoint results."""
        names = names_of(self.metainfo)
        links = np.add(self.metainfo['skeleton_links'], 1).tolist()
        given = next(iter(categories), dict(id=1, name='person'))
        category = dict(
            id=given['id'], name=given['name'], keypoints=names, skeleton=links
        )

        def entries(result: PoseDataSample) -> list[dict[str, Any]]:
            return self.scoring.to_coco(result.pred_instances, category['id'])

        return CocoResults(folder, ids, [category], entries)


def _nobody() -> PoseDataSample:
    sample = PoseDataSample()
    sample.pred_instances = InstanceData(
        bboxes=np.zeros((0, 4)),
        bbox_scores=np.zeros(0),
        keypoints=np.zeros((0, 0, 2)),
        keypoint_scores=np.zeros((0, 0)),
    )
    return sample


class _Scoring:
    # scores and suppresses instances as the CocoMetric of the config does

    def __init__(self, cfg: Config, metainfo: dict[str, Any]) -> None:
        metrics = cfg.get('test_evaluator') or []
        metrics = metrics if isinstance(metrics, list) else [metrics]
        named = (it for it in metrics if 'Coco' in str(it.get('type')))
        metric = next(named, dict(nms_mode='none'))
        self.mode = metric.get('score_mode', 'bbox_keypoint')
        self.min_score = metric.get('keypoint_score_thr', 0.2)
        kinds = dict(oks_nms=oks_nms, soft_oks_nms=soft_oks_nms)
        self.nms = kinds.get(metric.get('nms_mode', 'oks_nms'))
        self.nms_threshold = metric.get('nms_thr', 0.9)
        self.sigmas = metainfo['sigmas']

    def score(self, bbox_score: float, scores: np.ndarray) -> float:
        if self.mode == 'bbox':
            return float(bbox_score)
        if self.mode == 'keypoint':
            return float(scores.mean())
        if self.mode == 'bbox_rle':
            return float(bbox_score + scores.mean() + scores.max())
        seen = scores[scores > self.min_score]
        return float(bbox_score * seen.mean()) if len(seen) else 0.0

    def to_coco(self, people: Any, category: int) -> list[dict[str, Any]]:
        found = [
            dict(
                keypoints=np.column_stack([people.keypoints[i], scores]),
                score=self.score(people.bbox_scores[i], scores),
                area=np.ptp(people.keypoints[i], axis=0).prod(),
                index=i,
            )
            for i, scores in enumerate(people.keypoint_scores)
        ]
        if self.nms is not None and found:
            found = [found[i] for i in self.nms(found, self.nms_threshold, self.sigmas)]
        entries = []
        for it in found:
            x1, y1, x2, y2 = people.bboxes[it['index']].tolist()
            entry = dict(
                category_id=category,
                keypoints=it['keypoints'].ravel().tolist(),
                score=it['score'],
                bbox=[x1, y1, x2 - x1, y2 - y1],
            )
            if 'track_ids' in people:
                entry['track_id'] = int(people.track_ids[it['index']])
            entries.append(entry)
        return entries
