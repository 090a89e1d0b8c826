"""Pictures of predictions, in training and testing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmpretrain.engine.hooks import VisualizationHook
from mmpretrain.structures import DataSample
from torch import Tensor

from hrnet_mm.images import drawable
from hrnet_mm.registry import HOOKS


@HOOKS.register_module()
class ClsVisualizationHook(VisualizationHook):
    """MMPretrain's hook, for images of any number of channels and bits, and ``--tta``.

    The batches of ``--tta`` hold several views of each image; the last one is drawn,
    which is not mirrored unless ``tta_pipeline`` says so.
    """

    def _draw_samples(
        self,
        batch_idx: int,
        data_batch: dict[str, Any],
        data_samples: Sequence[DataSample],
        step: int = 0,
    ) -> None:
        if not self.enable:
            return
        images = data_batch['inputs']
        is_image = isinstance(images[-1], Tensor) and images[-1].dim() == 3
        images = images if is_image else images[-1]
        pictures = [_drawable(image) for image in images]
        batch = dict(data_batch, inputs=pictures)
        super()._draw_samples(batch_idx, batch, data_samples, step)


def _drawable(image: Tensor) -> Tensor:
    picture = drawable(image.permute(1, 2, 0).cpu().numpy())
    return torch.from_numpy(picture).permute(2, 0, 1)
