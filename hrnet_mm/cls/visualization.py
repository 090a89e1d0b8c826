"""Pictures of predictions, in testing with mirrored images, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmpretrain.engine.hooks import VisualizationHook
from mmpretrain.structures import DataSample
from torch import Tensor

from hrnet_mm.registry import HOOKS


@HOOKS.register_module()
class ClsVisualizationHook(VisualizationHook):
    """MMPretrain's hook, which stops at the batches of ``--tta``.

    They hold several views of each image; the last one is drawn, which is not mirrored
    unless ``tta_pipeline`` says so.
    """

    def _draw_samples(
        self,
        batch_idx: int,
        data_batch: dict[str, Any],
        data_samples: Sequence[DataSample],
        step: int = 0,
    ) -> None:
        last = data_batch['inputs'][-1]
        is_image = isinstance(last, Tensor) and last.dim() == 3
        if not is_image:
            data_batch = dict(data_batch, inputs=last)
        super()._draw_samples(batch_idx, data_batch, data_samples, step)
