"""Transforms of MMPretrain with the same results in less time."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch.nn.functional as F
from mmpretrain.datasets import transforms as stock

from hrnet_mm.images import channels_first
from hrnet_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class PackInputs(stock.PackInputs):
    """``PackInputs`` of MMPretrain that does not copy the image.

    See ``hrnet_mm.images.channels_first``.
    """

    @staticmethod
    def format_input(input_: Any) -> Any:
        """Convert an image, (H, W) or (H, W, C), to a tensor of shape (C, H, W)."""
        if isinstance(input_, np.ndarray) and input_.ndim in (2, 3):
            return channels_first(input_)
        return stock.PackInputs.format_input(input_)


@TRANSFORMS.register_module()
class RandomResizedCrop(stock.RandomResizedCrop):
    """``RandomResizedCrop`` of MMPretrain whose Pillow backend is torch's.

    The random numbers are the same, and the pixels differ by at most 1. torch resizes
    8-bit images of three channels with the filters of Pillow, without a conversion to
    its format. Other backends, modes and images are MMPretrain's.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Crop and resize ``img``."""
        image = results['img']
        smooth = self.interpolation in ('bilinear', 'bicubic')
        coloured = image.dtype == np.uint8 and image.shape[2:] == (3,)
        if self.backend != 'pillow' or not smooth or not coloured:
            return super().transform(results)
        top, left, height, width = self.rand_crop_params(image)
        crop = channels_first(image[top : top + height, left : left + width])
        resized = F.interpolate(
            crop[None], tuple(self.scale), mode=self.interpolation, antialias=True
        )
        results['img'] = np.ascontiguousarray(resized[0].permute(1, 2, 0).numpy())
        results['img_shape'] = results['img'].shape
        return results
