"""Data preprocessor of top-down pose."""

from __future__ import annotations

from typing import Any

from mmpose.models.data_preprocessors import PoseDataPreprocessor as Stock
from torch import Tensor

from hrnet_mm.registry import MODELS


@MODELS.register_module()
class PoseDataPreprocessor(Stock):
    """MMPose's ``PoseDataPreprocessor`` for batches of ``hrnet_mm.collate``.

    MMPose also accepts images that are stacked already, and normalizes them at once,
    but takes their channels for their height: ``pad_shape`` of the samples is wrong.
    """

    def _get_pad_shape(self, data: dict[str, Any]) -> list[tuple[int, int]]:
        images = data['inputs']
        if isinstance(images, Tensor):
            data = dict(data, inputs=[*images])
        return super()._get_pad_shape(data)
