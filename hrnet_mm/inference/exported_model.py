"""The function that is exported: from pixels to heatmaps, scores or probabilities."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ExportedModel(nn.Module):
    """Model of mmpose, mmseg or mmpretrain as one function of a tensor.

    Args:
        model: The model, in eval mode.
        task: ``'pose'`` returns heatmaps, ``(N, K, h, w)``. ``'segmentation'`` returns
            a score for each class and pixel of the input, ``(N, K, H, W)``; for a
            binary head these are its threshold and the probability of class 1.
            ``'classification'`` returns a probability for each class, ``(N, K)``.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: Any, task: str) -> None:
        super().__init__()
        self.model, self.task = model, task
        given = model.data_preprocessor
        for name, neutral in (('mean', 0.0), ('std', 1.0)):  # if it does not normalize
            value = getattr(given, name, torch.tensor(neutral))
            self.register_buffer(name, value.detach().clone())

    def forward(self, image: Tensor) -> Tensor:
        """Return the output for unnormalized images ``(N, C, H, W)``."""
        y = self.model((image - self.mean) / self.std, None, mode='tensor')
        y = y[-1] if isinstance(y, tuple | list) else y
        if self.task == 'segmentation':
            corners, size = self.model.align_corners, image.shape[-2:]
            y = F.interpolate(y, size, mode='bilinear', align_corners=corners)
            if self.model.out_channels == 1:
                y = y.sigmoid()  # class 1 where it is above the threshold
                least = torch.full_like(y, self.model.decode_head.threshold)
                y = torch.cat([least, y], dim=1)
        if self.task == 'classification':
            y = y.softmax(dim=1)
        return y
