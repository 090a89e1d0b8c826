"""Images at several scales on their way to the head.

mmpose's ``BottomupResize(aug_scales=...)`` makes them and its heads aggregate them, but
nothing in between takes images of different sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmpose.models import BottomupPoseEstimator as MmposeEstimator
from mmpose.models.data_preprocessors import PoseDataPreprocessor
from torch import Tensor

from hrnet_mm.registry import MODELS


@MODELS.register_module()
class PyramidPreprocessor(PoseDataPreprocessor):
    """``PoseDataPreprocessor``, for images at several scales too."""

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """``inputs``: images, (3, H, W), -> (N, 3, H, W); one of each scale, a tuple.

        What the samples say of the size is that of the first scale.
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
    """mmpose's, for images at several scales too: ``inputs`` is a tuple of batches."""

    def predict(
        self, inputs: Tensor | Sequence[Tensor], data_samples: list[Any]
    ) -> list[Any]:
        """The samples with ``pred_instances``, in pixels of the original images."""
        if isinstance(inputs, tuple):  # a list would have been stacked
            inputs = [*inputs]
        return super().predict(inputs, data_samples)
