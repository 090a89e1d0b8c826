"""The evaluation of WIDER FACE: average precision of easy, medium and hard faces."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from scipy.io import loadmat

from hrnet_mm.messages import counted
from hrnet_mm.registry import METRICS

SUBSETS = ('easy', 'medium', 'hard')
MATCH = 0.5  # smallest IoU of a hit
THRESHOLDS = 1 - np.arange(1, 1001) / 1000  # of the normalized scores

Image = tuple[str, str]
"""The folder (event) and the name of an image, without its suffix."""


class FaceScores:
    """Average precision of face detections, as WIDER FACE defines it.

    Each detection belongs to the face that it overlaps most. If their IoU is 0.5 or
    more, and the face does not count, the detection does not count either; otherwise
    the first detection of a face is a hit. All others are false. Precision and recall
    are pooled over the images at 1000 thresholds of the score, and the score is the
    area under the envelope of precision. As eval_tools.zip of WIDER FACE computes it.

    Args:
        faces: The number of faces that count, in all images.

    Attributes:
        counts: Shape (1000, 2): detections that count, and hits, at each threshold.
    """

    def __init__(self, faces: int) -> None:
        self.faces = faces
        self.counts = np.zeros((len(THRESHOLDS), 2), np.int64)

    def add(
        self,
        found: np.ndarray,
        scores: np.ndarray,
        true: np.ndarray,
        keep: np.ndarray,
    ) -> None:
        """Add the detections of an image.

        Args:
            found: Boxes, (N, 4): x1, y1, x2, y2 in pixels, in descending order of the
                scores.
            scores: Scores, (N,), from 0 to 1.
            true: Boxes of all faces, (M, 4).
            keep: Whether each face counts, (M,), boolean.
        """
        if not len(found) or not len(true):
            return  # also in the published evaluation
        overlaps = _overlaps(found, true)
        best = overlaps.argmax(axis=1)
        matched = overlaps.max(axis=1) >= MATCH
        ignored = matched & ~keep[best]
        _, first = np.unique(np.where(matched, best, -1), return_index=True)
        hits = np.zeros(len(found), bool)
        hits[first] = True
        hits &= matched & ~ignored
        above = np.searchsorted(-scores, -THRESHOLDS, side='right')
        for column, flags in enumerate((~ignored, hits)):
            self.counts[:, column] += np.concatenate([[0], flags.cumsum()])[above]

    def average_precision(self) -> float:
        """Return the average precision, 0 to 1; NaN if no face counts."""
        if not self.faces:
            return float('nan')
        proposals, hits = self.counts.T
        precision = hits / np.maximum(proposals, 1)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        return float(np.diff(hits / self.faces, prepend=0) @ envelope)


def _overlaps(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    # IoU of boxes whose last pixel is at x2, y2, as in the published evaluation
    low = np.maximum(found[:, None, :2], true[:, :2])
    high = np.minimum(found[:, None, 2:], true[:, 2:])
    shared = np.clip(high - low + 1, 0, None).prod(axis=2)
    areas = [
        np.prod(boxes[:, 2:] - boxes[:, :2] + 1, axis=1) for boxes in (found, true)
    ]
    return shared / (areas[0][:, None] + areas[1] - shared)


@METRICS.register_module()
class WiderFaceMetric(BaseMetric):
    """Average precision of the easy, medium and hard faces of WIDER FACE.

    The scores are ``wider_face/easy``, ``wider_face/medium`` and ``wider_face/hard``,
    from 0 to 1, with the rules of ``FaceScores``. Most hard faces are small, so their
    score depends on the size of the tested images, which is logged with it.

    Args:
        ground_truth: The folder of the four files of eval_tools.zip:
            ``wider_face_val.mat`` and ``wider_{easy,medium,hard}_val.mat``.
        kwargs: Arguments of mmengine's ``BaseMetric``.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a tested image is not in the files.
    """

    default_prefix = 'wider_face'

    def __init__(self, ground_truth: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ground_truth = ground_truth
        self.faces, self.counting = _read_truth(Path(ground_truth))

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keep boxes, scores and size of each image."""
        for sample in data_samples:
            objects = sample['pred_instances']
            boxes, scores = (
                objects[name].cpu().numpy().astype(float)
                for name in ('bboxes', 'scores')
            )
            order = np.argsort(-scores, kind='stable')
            image = self._find(sample['img_path'])
            size = tuple(sample['img_shape'][1::-1])
            self.results.append((image, boxes[order], scores[order], size))

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """Return the score of each subset."""
        found = {image: (boxes, scores) for image, boxes, scores, _ in results}
        scores = np.concatenate([scores for _, scores in found.values()])
        low, high = scores.min(initial=1), scores.max(initial=0)
        result = {}
        for name, counting in self.counting.items():
            flags = {image: counting[image] for image in found}
            subset = FaceScores(int(sum(it.sum() for it in flags.values())))
            for image, (boxes, scores) in found.items():
                normalized = (scores - low) / ((high - low) or 1)
                subset.add(boxes, normalized, self.faces[image], flags[image])
            result[name] = subset.average_precision()
        self._say(len(found), [size for *_, size in results], result)
        return result

    def _find(self, path: str) -> Image:
        event, name = Path(path).parts[-2:]
        image = (event, Path(name).stem)
        if image not in self.faces:
            raise ValueError(
                f'image {path} is not in the ground truth of WIDER FACE, '
                f'{self.ground_truth}: it has the {len(self.faces)} validation images, '
                'EVENT/NAME.jpg. Use hrnet_mm.CocoDetMetric for other images'
            )
        return image

    def _say(
        self, number: int, sizes: list[tuple[int, int]], scores: Mapping[str, float]
    ) -> None:
        small, large = (
            '{} x {}'.format(*choose(sizes, key=np.prod)) for choose in (min, max)
        )
        print_log(
            f'WIDER FACE, {counted(number, "image")} tested at '
            f'{small if small == large else f"{small} to {large}"} pixels (width x '
            'height), on which hard faces depend: '
            + ', '.join(f'{name} {score:.4f}' for name, score in scores.items()),
            'current',
        )
        if number < len(self.faces):
            print_log(
                f'WIDER FACE was evaluated on {number} of {len(self.faces)} validation '
                'images: published scores are of all of them',
                'current',
                logging.WARNING,
            )


def _read_truth(
    folder: Path,
) -> tuple[dict[Image, np.ndarray], dict[str, dict[Image, np.ndarray]]]:
    # the boxes of the faces of each image, and which of them count in each subset
    names = ['wider_face_val.mat', *(f'wider_{name}_val.mat' for name in SUBSETS)]
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise FileNotFoundError(
            f'WiderFaceMetric finds no {", ".join(missing)} in {folder} (in '
            f'{os.getcwd()}). They are in ground_truth/ of eval_tools.zip, which '
            'http://shuoyang1213.me/WIDERFACE offers as "eval tools": unpack it there, '
            'or set ground_truth of the evaluator to their folder.'
        )
    truth, *subsets = (loadmat(str(folder / name)) for name in names)
    images = [
        (str(event[0][0]), str(name[0][0]))
        for event, files in zip(truth['event_list'], truth['file_list'], strict=True)
        for name in files[0]
    ]
    boxes = [
        np.reshape(it[0], (-1, 4)).astype(float)
        for event in truth['face_bbx_list']
        for it in event[0]
    ]
    for box in boxes:
        box[:, 2:] += box[:, :2]
    faces = dict(zip(images, boxes, strict=True))
    counting = {}
    for subset, content in zip(SUBSETS, subsets, strict=True):
        numbers = (it[0] for event in content['gt_list'] for it in event[0])
        counting[subset] = {
            image: np.isin(np.arange(1, len(faces[image]) + 1), kept)
            for image, kept in zip(images, numbers, strict=True)
        }
    return faces, counting
