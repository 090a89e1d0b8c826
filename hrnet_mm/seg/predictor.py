"""Prediction of label maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmseg.structures import SegDataSample

from hrnet_mm.prediction.formats import ImageIds, LabelMaps
from hrnet_mm.prediction.predictor import DataWriter, Predictor


class SegPredictor(Predictor):
    """The class of each pixel, by ``hrnet_mm.seg.inferencer.Inferencer``."""

    contents = 'label maps'

    def draw(self, image: np.ndarray, result: SegDataSample) -> np.ndarray:
        """Draw the classes in their colours over an image."""
        visualizer = self.inferencer.visualizer
        visualizer.set_dataset_meta(**self.inferencer.model.dataset_meta)
        visualizer.add_datasample(
            'image', image[..., ::-1].copy(), result, draw_gt=False
        )
        return visualizer.get_image()[..., ::-1].copy()

    def open_data(
        self, folder: Path, ids: ImageIds, categories: Sequence[dict[str, Any]]
    ) -> DataWriter:
        """Return the writer of label maps."""
        metainfo = self.inferencer.model.dataset_meta

        def labels_of(result: SegDataSample) -> np.ndarray:
            labels = result.pred_sem_seg.data[0].cpu().numpy()
            return labels.astype(int)  # binary heads predict floating-point labels

        return LabelMaps(folder, metainfo['classes'], metainfo['palette'], labels_of)
