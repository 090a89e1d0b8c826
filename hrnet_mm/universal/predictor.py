"""Prediction of all tasks in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from hrnet_mm.prediction.formats import ImageIds
from hrnet_mm.prediction.predictor import DataWriter, Instances, Predictor
from hrnet_mm.prediction.sources import Frame

from .pictures import add_panels, draw_maps, draw_together, task_predictors
from .samples import TaskSamples


class UniversalPredictor(Predictor):
    """Everything that a ``Universal`` finds on an image.

    With ``--track``, the instances of a detector are tracked, or else those of pose.

    Args:
        inferencer: ``hrnet_mm.universal.inferencer.Inferencer``.
        cfg: Its config.
        options: ``fast`` and ``threshold`` of ``Predictor``.

    Attributes:
        predictors: The predictor of each task.
    """

    contents = 'the data of each task'

    def __init__(self, inferencer: Any, cfg: Config, **options: Any) -> None:
        super().__init__(inferencer, cfg, **options)
        model = inferencer.model
        self.predictors = task_predictors(
            model, cfg, model.dataset_meta, self.threshold
        )
        having = [name for name, it in self.predictors.items() if it.has_instances]
        self.has_instances = bool(having)
        self._tracked = min(
            having, key=lambda name: self.predictors[name].layer, default=''
        )

    def predict(
        self, prepared: Sequence[Any], batch: int | None = None
    ) -> list[TaskSamples]:
        """Return the samples of each image, on the CPU."""
        return [result.cpu() for result in super().predict(prepared, batch)]

    def instances(self, result: TaskSamples) -> Instances:
        """Return the instances of the task that is tracked."""
        return self.predictors[self._tracked].instances(result.get(self._tracked))

    def set_tracks(self, result: TaskSamples, numbers: np.ndarray) -> None:
        """Give each instance of the task that is tracked the number of its track."""
        self.predictors[self._tracked].set_tracks(result.get(self._tracked), numbers)

    def draw(self, image: np.ndarray, result: TaskSamples) -> np.ndarray:
        """Draw all tasks in one picture, with panels of the tasks that have maps.

        Returns:
            See ``add_panels``.
        """
        drawn = draw_together(image, result, self.predictors)
        return add_panels(drawn, draw_maps(image, result, self.predictors))

    def open_data(
        self, folder: Path, ids: ImageIds, categories: Sequence[dict[str, Any]]
    ) -> DataWriter:
        """Return the writer of the data of each task, in a folder of its name."""
        return TaskWriters(
            {
                name: predictor.open_data(folder / name, ids, categories)
                for name, predictor in self.predictors.items()
            }
        )


class TaskWriters:
    """Writes the sample of each task with a writer of its own.

    Args:
        writers: The writer of each task.
    """

    def __init__(self, writers: Mapping[str, DataWriter]) -> None:
        self._writers = writers

    def add(self, frame: Frame, size: tuple[int, int], result: TaskSamples) -> None:
        """Add the samples of an image of a width and height."""
        for name, writer in self._writers.items():
            writer.add(frame, size, result.get(name))

    def close(self) -> None:
        """Complete the files of all tasks."""
        for writer in self._writers.values():
            writer.close()
