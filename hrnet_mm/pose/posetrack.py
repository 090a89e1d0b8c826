"""Metric of PoseTrack18: the average precision of each kind of joint in all frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from mmengine.fileio import dump, load

from hrnet_mm.registry import METRICS

from .metrics import CocoPoseMetric

# Kinds of joints, with their keypoints in PoseTrack18; ears are not evaluated.
JOINTS = dict(
    Head=('nose', 'head_bottom', 'head_top'),
    Shou=('left_shoulder', 'right_shoulder'),
    Elb=('left_elbow', 'right_elbow'),
    Wri=('left_wrist', 'right_wrist'),
    Hip=('left_hip', 'right_hip'),
    Knee=('left_knee', 'right_knee'),
    Ankl=('left_ankle', 'right_ankle'),
)
HEAD = 0.6  # size of a head / diagonal of its box
NEAR = 0.5  # largest distance of a correct keypoint / size of the head

People = list[np.ndarray]  # keypoints of each person: x, y, label or score


@METRICS.register_module()
class PoseTrack18Metric(CocoPoseMetric):
    """Scores of poseval (leonid-pishchulin/poseval), which MMPose's metric needs.

    Each predicted person belongs to the true person of whom it has most keypoints
    right, and each true person has one prediction, the best; all others are wrong. The
    average precision of a keypoint ranks all frames by the score of that keypoint.
    Keypoints in ignored regions, and frames without annotated people, do not count.

    Poseval can be installed from its repository only, and reads one file for each
    video. This metric reads ``ann_file``, with ``bbox_head`` of each person. Scores are
    in percent; that of a kind of joints without labels is NaN.

    Args:
        ann_file: Path of the annotations of all videos.
        kwargs: Arguments of MMPose's ``CocoMetric``.

    Raises:
        ValueError: If a person has no ``bbox_head``; else as ``CocoPoseMetric``.
    """

    default_prefix = 'posetrack18'

    def results2json(
        self, keypoints: dict[int, list[Any]], outfile_prefix: str
    ) -> None:
        """Write the keypoints of each predicted person with the id of the image."""
        found = [
            dict(image_id=image, keypoints=person['keypoints'].tolist())
            for image, people in keypoints.items()
            for person in people
        ]
        dump(found, f'{outfile_prefix}.keypoints.json')

    def _do_python_keypoint_eval(self, outfile_prefix: str) -> list[tuple[str, float]]:
        assert self.dataset_meta is not None
        numbers = self.dataset_meta['keypoint_name2id']
        order = [numbers[name] for kind in JOINTS.values() for name in kind]
        found: dict[int, People] = {}
        for person in load(f'{outfile_prefix}.keypoints.json'):
            points = np.array(person['keypoints'])[order]
            found.setdefault(person['image_id'], []).append(points)
        labels = np.zeros(len(order))
        scores, correct = [np.empty((0, len(order)))], [np.empty((0, len(order)))]
        for image in self.coco.imgs.values():
            people = self.coco.imgToAnns[image['id']]
            people = [person for person in people if person.get('keypoints')]
            if not people:
                continue
            true = np.array([np.reshape(it['keypoints'], (-1, 3)) for it in people])
            true = _without_ignored(true[:, order], image)
            labels += np.isfinite(true[..., 0]).sum(axis=0)
            if image['id'] in found:
                persons = _without_ignored(np.array(found[image['id']]), image)
                scores.append(persons[..., 2])
                correct.append(_find_correct(persons, true, _head_sizes(people)))
        ranked = zip(np.vstack(scores).T, np.vstack(correct).T, labels, strict=True)
        precision = np.array([_average_precision(*joint) for joint in ranked])
        ends = np.cumsum([len(kind) for kind in JOINTS.values()])[:-1]
        kinds = map(np.mean, np.split(precision, ends))
        stats = {f'{kind} AP': ap for kind, ap in zip(JOINTS, kinds, strict=True)}
        stats['AP'] = np.nanmean(precision)
        return [(name, float(100 * score)) for name, score in stats.items()]


def _head_sizes(people: Sequence[dict[str, Any]]) -> np.ndarray:
    for person in people:
        if 'bbox_head' not in person:
            raise ValueError(
                f'annotation {person["id"]} of image {person["image_id"]} has no '
                'bbox_head: distances on PoseTrack18 are relative to the head. For '
                'other data use hrnet_mm.CocoPoseMetric or PCKAccuracy'
            )
    boxes = np.array([person['bbox_head'] for person in people], float)
    return HEAD * np.hypot(*boxes[:, 2:].T)


def _without_ignored(people: np.ndarray, image: dict[str, Any]) -> np.ndarray:
    """Replace keypoints by NaN that are not labelled, or in an ignored region."""
    regions = [
        np.column_stack(outline).astype(np.float32)
        for outline in zip(
            image.get('ignore_regions_x') or (),
            image.get('ignore_regions_y') or (),
            strict=True,
        )
    ]
    labelled = people.any(axis=-1)
    outside = [
        all(cv2.pointPolygonTest(it, (x, y), False) <= 0 for it in regions)
        for x, y, _ in people.reshape(-1, 3)
    ]
    kept = labelled & np.reshape(outside, labelled.shape)
    return np.where(kept[..., None], people, np.nan)


def _find_correct(found: np.ndarray, true: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """Return which keypoints of found people, (P, K, 3), are right."""
    distances = np.linalg.norm(found[:, None, :, :2] - true[None, ..., :2], axis=-1)
    near = distances / heads[:, None] <= NEAR  # not if either is NaN
    labels = np.isfinite(true[..., 0]).sum(axis=-1)
    share = near.sum(axis=-1) / np.maximum(labels, 1)
    # of the true people, one for each prediction, and then the reverse
    share *= share.argmax(axis=1)[:, None] == np.arange(len(true))
    best = share.argmax(axis=0)
    correct = np.zeros(found.shape[:2], bool)
    for person in np.flatnonzero(share.max(axis=0)):
        correct[best[person]] = near[best[person], person]
    return correct


def _average_precision(scores: np.ndarray, correct: np.ndarray, labels: float) -> float:
    """Return the area under precision and recall of one keypoint in all frames."""
    if not labels:
        return float('nan')
    given = np.isfinite(scores)
    order = np.argsort(-scores[given], kind='stable')
    hits = correct[given][order].astype(bool)
    precision = hits.cumsum() / np.arange(1, len(hits) + 1)
    # the best precision at this or a higher recall, which rises by 1 / labels per hit
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(best[hits].sum() / labels)
