"""MMPose's inferencer for images of any channels and dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dataset import Compose
from mmpose.apis import MMPoseInferencer, Pose2DInferencer

from hrnet_mm.checkpoints.hub import DownloadError
from hrnet_mm.images import ReadArrays, drawable, loader_of
from hrnet_mm.inference.inferencer import AnyImage


class _Pose2DInferencer(AnyImage, Pose2DInferencer):
    # drawing options hold for one call only

    def _init_detector(self, *args: Any, **kwargs: Any) -> None:
        try:
            super()._init_detector(*args, **kwargs)
        except DownloadError as error:
            raise DownloadError(
                f"{error}\nWithout a detector: det_model='whole_image' takes each "
                'image as one instance'
            ) from None
        if self.detector is not None:  # reads the same arrays
            loader = loader_of(self.detector.cfg.test_dataloader.dataset.pipeline)
            self.detector.pipeline = Compose(
                [ReadArrays(loader), self.detector.pipeline]
            )

    def update_model_visualizer_settings(self, **kwargs: Any) -> None:
        """Set what to draw in this call.

        The stock class keeps ``skeleton_style='openpose'`` for all later calls.
        """
        self.visualizer.set_dataset_meta(self.model.dataset_meta)
        super().update_model_visualizer_settings(**kwargs)

    def picture(self, image: np.ndarray) -> np.ndarray:
        """Return the image to draw on, (H, W, 3) in BGR, uint8."""
        return drawable(image)


class Inferencer(MMPoseInferencer):
    """``MMPoseInferencer`` with a 2D model, for images of any channels and dtype.

    Args:
        pose2d: Config of the model.
        pose2d_weights: Path of the checkpoint.
        show_progress: Whether to show a progress bar.
        kwargs: Arguments of ``Pose2DInferencer``: ``device``, ``det_model`` ...
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
        self.inferencer = _Pose2DInferencer(
            pose2d, pose2d_weights, show_progress=show_progress, **kwargs
        )
