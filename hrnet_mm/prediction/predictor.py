"""A trained model that predicts on images, with the test pipeline of its config."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import prod
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import Tensor

from hrnet_mm.images import loader_of
from hrnet_mm.inference.deploy import deploy

from .formats import ImageIds
from .sources import Frame

# of the inputs in a batch, on a GPU and on a CPU, which one 512 x 1024 image fills
PIXELS = (2**23, 2**19)


@dataclass
class Instances:
    """The objects or people of an image.

    Attributes:
        boxes: (N, 4), x1, y1, x2, y2 in pixels.
        scores: (N,).
        keypoints: (N, K, 2), x and y in pixels, of a pose model.
    """

    boxes: np.ndarray
    scores: np.ndarray
    keypoints: np.ndarray | None = None


class DataWriter(Protocol):
    """Writes predictions as data."""

    def add(self, frame: Frame, size: tuple[int, int], result: Any) -> None:
        """Add the result of an image of a width and height."""

    def close(self) -> None:
        """Complete the file."""


class Predictor(ABC):
    """A model with the pipeline, the visualizer and the class names of an inferencer.

    Args:
        inferencer: An inferencer of OpenMMLab, from ``hrnet_mm.inferencer``.
        cfg: Its config.
        fast: Whether to use the deployed copy of the model (``hrnet_mm.deploy``).
        threshold: The minimum score of an instance that is drawn or tracked.

    Attributes:
        default_batch: The maximum number of inputs of the model in a batch. Large
            ones make smaller batches.
        has_instances: Whether results can be tracked.
        layer: The place of ``overlay`` in a picture of several tasks, from below: 0 of
            maps, whose ``draw`` shows values instead of the image, 1 of boxes, 2 of all
            else.
        contents: What the data file has; for messages.
    """

    default_batch = 4
    has_instances = False
    layer = 2
    contents: str

    def __init__(
        self, inferencer: Any, cfg: Config, fast: bool = False, threshold: float = 0.3
    ) -> None:
        if fast:
            inferencer.model = deploy(inferencer.model)
        self.inferencer = inferencer
        self.threshold = threshold
        self.loader = loader_of(cfg.test_dataloader.dataset.pipeline)

    def prepare(self, frame: Frame, image: np.ndarray) -> Any:
        """Return what ``predict`` needs of an image; called from several threads."""
        return self.inferencer.pipeline(image)

    def predict(self, prepared: Sequence[Any], batch: int | None = None) -> list[Any]:
        """Return the result of each image, a data sample of the library.

        Args:
            prepared: The results of ``prepare``.
            batch: The number of inputs of the model in a batch; None chooses it by
                their size.
        """
        return self.run_model(prepared, batch)

    @torch.no_grad()
    def run_model(self, samples: Sequence[Any], batch: int | None) -> list[Any]:
        """Run the model on samples of its pipeline; return a data sample for each."""
        results: list[Any] = []
        device = next(self.inferencer.model.parameters()).device.type
        pixels = PIXELS[device == 'cpu']
        for chunk in _batches(samples, batch, self.default_batch, pixels):
            inputs = pseudo_collate(chunk)
            self.inferencer.check_inputs(inputs)
            results += self.inferencer.model.test_step(inputs)
        return results

    def instances(self, result: Any) -> Instances:
        """Return the instances of a result, if the task has any."""
        raise NotImplementedError

    def set_tracks(self, result: Any, numbers: np.ndarray) -> None:
        """Give each of the instances of a result the number of its track."""
        result.pred_instances.track_ids = numbers

    @abstractmethod
    def open_data(
        self, folder: Path, ids: ImageIds, categories: Sequence[dict[str, Any]]
    ) -> DataWriter:
        """Return the writer of the data of this task.

        Args:
            folder: The output folder.
            ids: The ids of the images.
            categories: The ``categories`` of a COCO file whose ids are used.
        """

    @abstractmethod
    def draw(self, image: np.ndarray, result: Any) -> np.ndarray:
        """Draw a result.

        Args:
            image: (H, W, 3), uint8, blue, green, red.
            result: A result of ``predict``, with ``track_ids`` if it is tracked.

        Returns:
            The drawn image, of the same kind.
        """

    def overlay(self, image: np.ndarray, result: Any) -> np.ndarray:
        """Draw a result so that those of other tasks stay visible on the same image.

        Args:
            image: See ``draw``.
            result: See ``draw``.

        Returns:
            The drawn image, of the same kind; by default that of ``draw``.
        """
        return self.draw(image, result)


def _batches(
    samples: Sequence[Any], batch: int | None, most: int, pixels: int
) -> Iterator[list[Any]]:
    # consecutive samples of equal size: padding would change what a model sees
    for shape, alike in groupby(samples, key=_input_shape):
        group = list(alike)
        size = 1  # views of several scales cannot be stacked
        if shape:
            size = batch or max(1, min(most, pixels // prod(shape[-2:])))
        for start in range(0, len(group), size):
            yield group[start : start + size]


def _input_shape(sample: dict[str, Any]) -> Any:
    inputs = sample['inputs']
    return tuple(inputs.shape) if isinstance(inputs, Tensor) else None
