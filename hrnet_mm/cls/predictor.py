"""Prediction of the class of images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmpretrain.structures import DataSample

from hrnet_mm.prediction.formats import ClassTable, ImageIds
from hrnet_mm.prediction.pictures import draw_text
from hrnet_mm.prediction.predictor import DataWriter, Predictor


class ClsPredictor(Predictor):
    """The class of an image, by ``hrnet_mm.cls.inferencer.Inferencer``."""

    default_batch = 16
    contents = 'classes'

    def __init__(self, inferencer: Any, cfg: Config, **options: Any) -> None:
        super().__init__(inferencer, cfg, **options)
        number = self.inferencer.model.head.num_classes
        self.classes = [*(inferencer.classes or map(str, range(number)))]

    def draw(self, image: np.ndarray, result: DataSample) -> np.ndarray:
        """Write the most probable class and its score on an image."""
        drawn = image.copy()
        label = int(result.pred_label)
        text = f'{self.classes[label]} {float(result.pred_score[label]):.0%}'
        draw_text(drawn, text, (0, 0), (0, 0, 0))
        return drawn

    def open_data(
        self, folder: Path, ids: ImageIds, categories: Sequence[dict[str, Any]]
    ) -> DataWriter:
        """Return the writer of a table of classes."""

        def scores(result: DataSample) -> np.ndarray:
            return result.pred_score.cpu().numpy()

        return ClassTable(folder, self.classes, scores)
