"""Pictures of the predictions of several tasks on an image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from mmengine.config import Config

from hrnet_mm.datasets.metainfo import names_of
from hrnet_mm.prediction.models import class_of_predictor
from hrnet_mm.prediction.pictures import draw_text
from hrnet_mm.prediction.predictor import Predictor

from .samples import TaskSamples
from .tasks import config_of_task

Predictors = Mapping[str, Predictor]


@dataclass
class _TaskInferencer:
    # what the predictor of a task needs of an inferencer of its library
    model: Any
    visualizer: Any

    @property
    def inferencer(self) -> _TaskInferencer:
        return self

    @property
    def classes(self) -> list[str]:
        return names_of(self.model.dataset_meta)


def task_predictors(
    model: Any,
    cfg: Config,
    metainfo: Mapping[str, Any],
    threshold: float = 0.3,
    only: Iterable[str] | None = None,
) -> dict[str, Predictor]:
    """Return the predictor of each task, which draws its samples and writes its data.

    Args:
        model: A ``Universal``, whose tasks get ``dataset_meta``.
        cfg: Its config.
        metainfo: The metainfo of the data set of each task.
        threshold: See ``Predictor``.
        only: The names of the tasks; by default all of the model.

    Raises:
        ValueError: If a task has no data set, or takes crops instead of images.
    """
    found = {}
    for name in model.tasks if only is None else only:
        task = model.tasks[name]
        settings = config_of_task(cfg, name)
        if is_topdown(cfg, name):
            raise ValueError(
                f'the task {name!r} is top-down: it takes crops of people, but the '
                'other tasks the whole image. Use a bottom-up model'
            )
        task.dataset_meta = metainfo[name]
        visualizer = None
        if settings.default_scope == 'mmpose':
            visualizer = _pose_visualizer(name, metainfo[name])
        build = class_of_predictor(task, settings)
        found[name] = build(
            _TaskInferencer(task, visualizer), settings, threshold=threshold
        )
    return found


def is_topdown(cfg: Config, name: str) -> bool:
    """Whether a task takes crops of people instead of images."""
    return config_of_task(cfg, name).get('data_mode') == 'topdown'


def _pose_visualizer(name: str, metainfo: Any) -> Any:
    from mmpose.visualization import PoseLocalVisualizer

    visualizer = PoseLocalVisualizer(f'{name} of several tasks')
    visualizer.set_dataset_meta(metainfo)
    return visualizer


def draw_together(
    image: np.ndarray, sample: TaskSamples, predictors: Predictors
) -> np.ndarray:
    """Draw the predictions of all tasks over an image, in the order of their layers.

    Args:
        image: (H, W, 3), uint8, blue, green, red.
        sample: The predictions, on the CPU.
        predictors: See ``task_predictors``.

    Returns:
        The drawn image, of the same kind.
    """
    drawn = image
    for name in sorted(predictors, key=lambda name: predictors[name].layer):
        if name in sample:
            drawn = predictors[name].overlay(drawn, sample.get(name))
    return drawn


def draw_maps(
    image: np.ndarray, sample: TaskSamples, predictors: Predictors
) -> dict[str, np.ndarray]:
    """Draw the prediction of each task that has a map, such as labels or depth.

    Args:
        image: See ``draw_together``.
        sample: See ``draw_together``.
        predictors: See ``task_predictors``.

    Returns:
        A picture of the size of the image for each such task.
    """
    return {
        name: predictor.draw(image, sample.get(name))
        for name, predictor in predictors.items()
        if predictor.layer == 0 and name in sample
    }


def add_panels(picture: np.ndarray, panels: Mapping[str, np.ndarray]) -> np.ndarray:
    """Put small panels, one below the other, to the right of a picture.

    Args:
        picture: (H, W, 3), uint8, blue, green, red.
        panels: Pictures of the same size by their titles.

    Returns:
        (H, W + W / n, 3), for n panels, but at least 2.
    """
    if not panels:
        return picture
    height, width = picture.shape[:2]
    number = max(2, len(panels))
    high, wide = max(1, height // number), max(1, width // number)
    column = np.zeros((height, wide, 3), np.uint8)
    for row, (title, panel) in enumerate(panels.items()):
        small = cv2.resize(panel, (wide, high), interpolation=cv2.INTER_AREA)
        draw_text(small, title, (0, 0), (0, 0, 0))
        column[row * high : (row + 1) * high] = small
    return np.hstack([picture, column])
