"""The function that is exported: from pixels to heatmaps, scores or probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Exported(nn.Module):
    """A model of OpenMMLab as one function of unnormalised images.

    Args:
        model: The model, in eval mode. If its data preprocessor does not normalise,
            neither does this.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        given = model.data_preprocessor
        for name, neutral in (('mean', 0.0), ('std', 1.0)):
            value = getattr(given, name, torch.tensor(neutral))
            self.register_buffer(name, value.detach().clone())

    def normalise(self, image: Tensor) -> Tensor:
        """Normalise images (N, C, H, W)."""
        return (image - self.mean) / self.std

    def inputs(self, image: Tensor) -> dict[str, Tensor]:
        """Return the inputs by name for images without padding, (N, C, H, W)."""
        return dict(image=image)

    def align(
        self, outputs: list[np.ndarray], wanted: list[np.ndarray]
    ) -> list[np.ndarray]:
        """Return outputs in an order in which they can be compared with others."""
        return outputs


class ExportedModel(Exported):
    """Model of mmpose, mmseg or mmpretrain as one function of a tensor.

    Args:
        model: The model, in eval mode.
        task: ``'pose'`` returns heatmaps, ``(N, K, h, w)``. ``'bottom-up pose'``
            returns a tuple: heatmaps and tags, ``(N, K + L * K, h, w)``, and heatmaps
            of each higher resolution. ``'segmentation'`` returns
            a score for each class and pixel of the input, ``(N, K, H, W)``; for a
            binary head these are its threshold and the probability of class 1.
            ``'depth'`` returns metres, ``(N, 1, H, W)``.
            ``'classification'`` returns a probability for each class, ``(N, K)``.
    """

    def __init__(self, model: Any, task: str) -> None:
        super().__init__(model)
        self.task = task

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Return the output for unnormalized images ``(N, C, H, W)``."""
        y = self.model(self.normalise(image), None, mode='tensor')
        if self.task == 'bottom-up pose':
            return (*y,)
        y = y[-1] if isinstance(y, tuple | list) else y
        if self.task in ('segmentation', 'depth'):
            corners, size = self.model.align_corners, image.shape[-2:]
            y = F.interpolate(y, size, mode='bilinear', align_corners=corners)
            if self.task == 'segmentation' and self.model.out_channels == 1:
                y = y.sigmoid()  # class 1 where it is above the threshold
                least = torch.full_like(y, self.model.decode_head.threshold)
                y = torch.cat([least, y], dim=1)
        if self.task == 'classification':
            y = y.softmax(dim=1)
        return y
