"""Prediction of label maps and depth maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmseg.structures import SegDataSample

from hrnet_mm.prediction.formats import DepthMaps, ImageIds, LabelMaps
from hrnet_mm.prediction.pictures import draw_text
from hrnet_mm.prediction.predictor import DataWriter, Predictor
from hrnet_mm.visualization import draw_labels

from .visualization import draw_depth


class SegPredictor(Predictor):
    """The class of each pixel, by ``hrnet_mm.seg.inferencer.Inferencer``."""

    layer = 0
    contents = 'label maps'

    @property
    def metainfo(self) -> dict[str, Any]:
        """The classes and the palette of the model."""
        return self.inferencer.model.dataset_meta

    def draw(self, image: np.ndarray, result: SegDataSample) -> np.ndarray:
        """Draw the classes in their colours over the grey image, with their names.

        The visualizer of MMSegmentation finds the places of the names in Python, which
        takes longer than a model.
        """
        labels, palette = _labels_of(result), self.metainfo['palette']
        drawn = _to_picture(draw_labels(image, labels, palette))
        for label in np.unique(labels).tolist():
            if label < len(self.metainfo['classes']):
                x, y = _inmost_pixel(labels == label)
                name = self.metainfo['classes'][label]
                draw_text(drawn, name, (x, y), palette[label][::-1])
        return drawn

    def overlay(self, image: np.ndarray, result: SegDataSample) -> np.ndarray:
        """Tint the image with the colours of the classes, but for ``background``."""
        labels, metainfo = _labels_of(result), self.metainfo
        drawn = _to_picture(draw_labels(image, labels, metainfo['palette']))
        tinted = cv2.addWeighted(image, 0.3, drawn, 0.7, 0)
        shown = [i for i, it in enumerate(metainfo['classes']) if it != 'background']
        return np.where(np.isin(labels, shown)[..., None], tinted, image)

    def open_data(
        self, folder: Path, ids: ImageIds, categories: Sequence[dict[str, Any]]
    ) -> DataWriter:
        """Return the writer of label maps."""
        metainfo = self.metainfo
        return LabelMaps(folder, metainfo['classes'], metainfo['palette'], _labels_of)


class DepthPredictor(Predictor):
    """The depth of each pixel, by ``hrnet_mm.seg.inferencer.Inferencer``."""

    layer = 0
    contents = 'depth maps'

    def draw(self, image: np.ndarray, result: SegDataSample) -> np.ndarray:
        """Draw the depth in colours, up to the largest depth of the head.

        The range does not depend on the image, so that videos do not flicker.
        """
        far = self.inferencer.model.decode_head.max_depth
        return _to_picture(draw_depth(_depth_of(result), far / 10, far))

    def overlay(self, image: np.ndarray, result: SegDataSample) -> np.ndarray:
        """Return the image itself, which colours of the depth would hide."""
        return image

    def open_data(
        self, folder: Path, ids: ImageIds, categories: Sequence[dict[str, Any]]
    ) -> DataWriter:
        """Return the writer of depth maps."""
        return DepthMaps(folder, _depth_of)


def _depth_of(result: SegDataSample) -> np.ndarray:
    return result.pred_depth_map.data[0].cpu().numpy()


def _to_picture(drawn: np.ndarray) -> np.ndarray:
    # from red, green, blue, 0 to 1
    return np.ascontiguousarray((255 * drawn[..., ::-1]).astype(np.uint8))


def _labels_of(result: SegDataSample) -> np.ndarray:
    labels = result.pred_sem_seg.data[0].cpu().numpy()
    return labels.astype(int)  # binary heads predict floating-point labels


def _inmost_pixel(mask: np.ndarray) -> tuple[int, int]:
    framed = np.pad(mask.astype(np.uint8), 1)  # the edge of the image is an edge, too
    distances = cv2.distanceTransform(framed, cv2.DIST_L2, 3)[1:-1, 1:-1]
    y, x = np.unravel_index(distances.argmax(), mask.shape)
    return int(x), int(y)
