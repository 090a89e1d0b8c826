"""Pictures of predictions while training, of any image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmpretrain.engine.hooks import VisualizationHook as MmpretrainHook

from hrnet_mm.images import drawable
from hrnet_mm.registry import HOOKS


@HOOKS.register_module()
class VisualizationHook(MmpretrainHook):
    """mmpretrain's hook, for images of any number of channels and bits."""

    def _draw_samples(
        self, batch_idx: int, data_batch: dict, data_samples: Sequence, step: int = 0
    ) -> None:
        if not self.enable:
            return
        pictures = [_drawable(image) for image in data_batch['inputs']]
        super()._draw_samples(
            batch_idx, data_batch | dict(inputs=pictures), data_samples, step
        )


def _drawable(image: Any) -> torch.Tensor:
    picture = drawable(image.permute(1, 2, 0).cpu().numpy())
    return torch.from_numpy(picture).permute(2, 0, 1)
