"""Prediction of boxes and masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmdet.structures import DetDataSample
from mmdet.structures.mask import encode_mask_results
from mmengine.config import Config

from hrnet_mm.datasets.metainfo import complete_palette
from hrnet_mm.prediction.formats import CocoResults, ImageIds, class_categories
from hrnet_mm.prediction.pictures import draw_text, draw_tracks
from hrnet_mm.prediction.predictor import DataWriter, Instances, Predictor
from hrnet_mm.visualization import draw_boxes


class DetPredictor(Predictor):
    """Boxes, and masks if the model has any, of the objects of an image.

    Args:
        inferencer: ``hrnet_mm.det.inferencer.Inferencer``.
        cfg: Its config.
        only: The name of a class; others are not among the ``instances``.
        options: ``fast`` and ``threshold`` of ``Predictor``.
    """

    has_instances = True
    layer = 1
    contents = 'boxes'

    def __init__(
        self, inferencer: Any, cfg: Config, only: str = '', **options: Any
    ) -> None:
        super().__init__(inferencer, cfg, **options)
        metainfo = inferencer.model.dataset_meta
        self.classes = list(metainfo['classes'])
        given = metainfo.get('palette')
        if isinstance(given, str):  # 'random', of init_detector
            given = None
        palette = complete_palette(given, len(self.classes))
        self.colours = [colour[::-1] for colour in palette]  # blue, green, red
        self.only = only

    def predict(
        self, prepared: Sequence[Any], batch: int | None = None
    ) -> list[DetDataSample]:
        """Return the objects of each image, on the CPU."""
        return [result.cpu() for result in super().predict(prepared, batch)]

    def instances(self, result: DetDataSample) -> Instances:
        """Return boxes and scores of the objects of an image."""
        objects = result.pred_instances
        scores = objects.scores.numpy()
        if self.only:
            label = self.classes.index(self.only)
            scores = np.where(objects.labels.numpy() == label, scores, 0)
        return Instances(objects.bboxes.numpy(), scores)

    def draw(self, image: np.ndarray, result: DetDataSample) -> np.ndarray:
        """Draw boxes, masks, classes and scores on an image, by OpenCV.

        The visualizer of MMDetection draws with matplotlib, which takes longer than a
        model. The colours are those of its palette.
        """
        return self._draw(image, result, is_filled=True)

    def overlay(self, image: np.ndarray, result: DetDataSample) -> np.ndarray:
        """Draw as ``draw``, but only the outlines of masks."""
        return self._draw(image, result, is_filled=False)

    def _draw(
        self, image: np.ndarray, result: DetDataSample, is_filled: bool
    ) -> np.ndarray:
        objects = result.pred_instances
        shown = objects[objects.scores >= self.threshold]
        shown = shown[shown.scores.argsort()]  # the most certain ones are on top
        drawn = image.copy()
        labels = shown.labels.tolist()
        for mask, label in zip(shown.get('masks', ()), labels, strict=False):
            pixels = mask.numpy().astype(np.uint8)
            if is_filled:
                _fill_mask(drawn, pixels, self.colours[label])
            _draw_outline(drawn, pixels)
        boxes = shown.bboxes.numpy()
        for box, label, score in zip(boxes, labels, shown.scores.tolist(), strict=True):
            draw_boxes(drawn, box[None], self.colours[label])
            x1, y1 = np.rint(box[:2]).astype(int).tolist()
            text = f'{self.classes[label]} {score:.0%}'
            draw_text(drawn, text, (x1, y1), self.colours[label])
        if 'track_ids' in objects:
            draw_tracks(drawn, objects.bboxes.numpy(), objects.track_ids)
        return drawn

    def open_data(
        self, folder: Path, ids: ImageIds, categories: Sequence[dict[str, Any]]
    ) -> DataWriter:
        """Return the writer of COCO detection results; masks are run lengths."""
        described = class_categories(self.classes, categories)
        numbers = [category['id'] for category in described]

        def entries(result: DetDataSample) -> list[dict[str, Any]]:
            return _to_coco(result.pred_instances, numbers)

        return CocoResults(folder, ids, described, entries)


def _fill_mask(picture: np.ndarray, mask: np.ndarray, colour: Sequence[int]) -> None:
    covered = mask > 0
    picture[covered] = picture[covered] // 2 + np.array(colour, np.uint8) // 2


def _draw_outline(picture: np.ndarray, mask: np.ndarray) -> None:
    outlines, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(picture, outlines, -1, (255, 255, 255), 1, cv2.LINE_AA)


def _to_coco(objects: Any, numbers: Sequence[int]) -> list[dict[str, Any]]:
    boxes = objects.bboxes.numpy().copy()
    boxes[:, 2:] -= boxes[:, :2]
    entries = [
        dict(category_id=numbers[label], bbox=box, score=score)
        for label, box, score in zip(
            objects.labels.tolist(),
            boxes.tolist(),
            objects.scores.tolist(),
            strict=True,
        )
    ]
    if 'masks' in objects:
        masks = encode_mask_results(objects.masks.numpy())
        for entry, mask in zip(entries, masks, strict=True):
            entry['segmentation'] = dict(mask, counts=mask['counts'].decode())
    if 'track_ids' in objects:
        for entry, number in zip(entries, objects.track_ids.tolist(), strict=True):
            entry['track_id'] = number
    return entries
