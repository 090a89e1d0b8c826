"""Bottom-up pose estimation with images at several scales.

MMPose's ``BottomupResize(aug_scales=...)`` resizes the images and its heads aggregate
the scales, but its preprocessor and its estimator do not accept several image sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmpose.models import BottomupPoseEstimator as MmposeEstimator
from torch import Tensor

from hrnet_mm.registry import MODELS

from .preprocessing import PoseDataPreprocessor


@MODELS.register_module()
class PyramidPreprocessor(PoseDataPreprocessor):
    """``PoseDataPreprocessor`` that also accepts images at several scales."""

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Normalize and batch images.

        Sizes in the data samples are those of the first scale.

        Args:
            data: ``inputs`` is a list of N images, (3, H, W), or one such list for each
                scale; ``data_samples`` are passed on.
            training: Whether to run the augmentations of the preprocessor.

        Returns:
            ``inputs``, (N, 3, H, W), or a tuple of these, one for each scale, and
            ``data_samples``.
        """
        if isinstance(data['inputs'][0], Tensor):
            return super().forward(data, training)
        batches: list[Tensor] = []
        for images in reversed(data['inputs']):
            done = super().forward(data | dict(inputs=[*images]), training)
            batches.insert(0, done['inputs'])
        return done | dict(inputs=(*batches,))


@MODELS.register_module()
class BottomupPoseEstimator(MmposeEstimator):
    """MMPose's estimator that also accepts a tuple of batches, one for each scale."""

    def predict(
        self, inputs: Tensor | Sequence[Tensor], data_samples: list[Any]
    ) -> list[Any]:
        """Return samples with ``pred_instances``, in pixels of the original images."""
        if isinstance(inputs, tuple):  # a tuple so far: forward() stacks lists
            inputs = [*inputs]
        return super().predict(inputs, data_samples)
