"""What is exported of a model: from the pixels of images to numbers with a meaning."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Answer(nn.Module):
    """A model of mmpose, mmseg or mmpretrain as one function of tensors.

    Args:
        model: In eval mode.
        task: ``'pose'``: heatmaps. ``'segmentation'``: a score for each class and
            pixel of the input; of a binary head its threshold and the probability of
            class 1. ``'classification'``: a probability for each class.
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
        """Answer for images ``(N, C, H, W)`` in the range of the files."""
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
