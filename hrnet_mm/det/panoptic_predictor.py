"""Prediction of segments."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmdet.evaluation import INSTANCE_OFFSET
from mmdet.structures import DetDataSample
from PIL import Image

from hrnet_mm.datasets.metainfo import complete_palette
from hrnet_mm.files import write_atomically
from hrnet_mm.prediction.formats import ImageIds, class_categories
from hrnet_mm.prediction.predictor import DataWriter, Predictor
from hrnet_mm.prediction.sources import Frame

from .panoptic import segment_colours
from .panoptic_pictures import draw_segments


class PanopticPredictor(Predictor):
    """Instances of things and regions of stuff, by a panoptic model of MMDetection."""

    layer = 0
    contents = 'segments'

    @property
    def metainfo(self) -> dict[str, Any]:
        """The classes and the palette of the model."""
        return self.inferencer.model.dataset_meta

    def draw(self, image: np.ndarray, result: DetDataSample) -> np.ndarray:
        """Draw the segments in the colours of their classes over the grey image."""
        palette = self.metainfo.get('palette')
        given = None if isinstance(palette, str) else palette
        colours = complete_palette(given, len(self.metainfo['classes']))
        drawn = draw_segments(image, _segments_of(result), colours)[..., ::-1]
        return np.ascontiguousarray((255 * drawn).astype(np.uint8))

    def overlay(self, image: np.ndarray, result: DetDataSample) -> np.ndarray:
        """Tint the image with the colours of the segments."""
        return cv2.addWeighted(image, 0.5, self.draw(image, result), 0.5, 0)

    def open_data(
        self, folder: Path, ids: ImageIds, categories: Sequence[dict[str, Any]]
    ) -> DataWriter:
        """Return the writer of COCO's panoptic format."""
        return PanopticResults(folder, ids, self.metainfo, categories)


class PanopticResults:
    """Writer of ``predictions.json`` and label maps in COCO's panoptic format.

    https://cocodataset.org/#format-results

    Args:
        folder: The output folder; the label maps are in its folder ``segments``.
        ids: The ids of the images.
        metainfo: ``classes`` and ``thing_classes`` of the model.
        categories: The ``categories`` of an annotation file, whose ids are used.
    """

    def __init__(
        self,
        folder: Path,
        ids: ImageIds,
        metainfo: dict[str, Any],
        categories: Sequence[dict[str, Any]],
    ) -> None:
        self._folder, self._ids = folder, ids
        things = {*metainfo['thing_classes']}
        self._categories = [
            dict(it, isthing=int(it['name'] in things))
            for it in class_categories(metainfo['classes'], categories)
        ]
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def add(self, frame: Frame, size: tuple[int, int], result: DetDataSample) -> None:
        """Write the label map of an image of a width and height."""
        number, name = self._ids.assign(frame), f'{frame.name}.png'
        found = _segments_of(result)
        present, index = np.unique(found, return_inverse=True)
        known = present % INSTANCE_OFFSET < len(self._categories)
        ids = np.where(known, np.arange(1, len(present) + 1), 0)
        segments = [
            dict(
                id=int(segment),
                category_id=self._categories[int(value) % INSTANCE_OFFSET]['id'],
                area=int((index == i).sum()),
            )
            for i, (segment, value) in enumerate(zip(ids, present, strict=True))
            if segment
        ]
        maps = ids[index].reshape(found.shape)
        content = io.BytesIO()
        Image.fromarray(segment_colours(maps)).save(content, 'png')
        write_atomically(self._folder / 'segments' / name, content.getvalue())
        self._images.append(
            dict(id=number, file_name=frame.file_name, width=size[0], height=size[1])
        )
        self._annotations.append(
            dict(image_id=number, file_name=name, segments_info=segments)
        )

    def close(self) -> None:
        """Write ``predictions.json``."""
        content = dict(
            images=self._images,
            annotations=self._annotations,
            categories=self._categories,
        )
        path = self._folder / 'predictions.json'
        write_atomically(path, json.dumps(content).encode())


def _segments_of(result: DetDataSample) -> np.ndarray:
    return result.pred_panoptic_seg.sem_seg[0].cpu().numpy()
