"""MMPose's inferencer, for any image."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dataset import Compose
from mmpose.apis import MMPoseInferencer, Pose2DInferencer

from hrnet_mm.images import ReadArrays, drawable, loader_of
from hrnet_mm.inference.inferencer import AnyImage


class Pose2D(AnyImage, Pose2DInferencer):
    """``Pose2DInferencer`` for any image, whose drawing options hold for one call."""

    def _init_detector(self, *args: Any, **kwargs: Any) -> None:
        super()._init_detector(*args, **kwargs)
        if self.detector is not None:  # finds people on the same arrays
            loader = loader_of(self.detector.cfg.test_dataloader.dataset.pipeline)
            self.detector.pipeline = Compose(
                [ReadArrays(loader), self.detector.pipeline]
            )

    def update_model_visualizer_settings(self, **kwargs: Any) -> None:
        """Set what to draw; stock, ``skeleton_style='openpose'`` stays set."""
        self.visualizer.set_dataset_meta(self.model.dataset_meta)
        super().update_model_visualizer_settings(**kwargs)

    def picture(self, image: np.ndarray) -> np.ndarray:
        """Return what to draw on: blue, green, red."""
        return drawable(image)


class Inferencer(MMPoseInferencer):
    """``MMPoseInferencer`` of a 2D model, for any image.

    Args:
        pose2d: The config.
        pose2d_weights: Its weights.
        show_progress: Whether to show a bar.
        kwargs: As for ``Pose2DInferencer``: ``device``, ``det_model`` ...
    """

    def __init__(
        self,
        pose2d: Config,
        pose2d_weights: str,
        show_progress: bool = False,
        **kwargs: Any,
    ) -> None:
        # the stock class would build the stock Pose2DInferencer
        self.visualizer, self.show_progress = None, show_progress
        self.inferencer = Pose2D(
            pose2d, pose2d_weights, show_progress=show_progress, **kwargs
        )
