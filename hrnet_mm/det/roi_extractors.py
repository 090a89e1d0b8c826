"""RoI extractor of MMDetection that keeps float32 under mixed precision."""

from __future__ import annotations

import torch
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor as StockExtractor
from torch import Tensor

from hrnet_mm.registry import MODELS


@MODELS.register_module()
class SingleRoIExtractor(StockExtractor):
    """``SingleRoIExtractor`` with RoIs and pooled features in float32.

    MMDetection's casts the RoIs to the dtype of the features. In bfloat16, this shifts
    a box by up to 2 pixels at x = 350 and by up to 8 pixels at x = 1333
    (``mmdet/models/roi_heads/roi_extractors/single_level_roi_extractor.py``).
    """

    def forward(
        self,
        feats: tuple[Tensor, ...],
        rois: Tensor,
        roi_scale_factor: float | None = None,
    ) -> Tensor:
        """Pool each RoI from the pyramid level for its size.

        Args:
            feats: Pyramid levels, each (B, C, H, W).
            rois: (K, 5): image index, x1, y1, x2, y2 in pixels.
            roi_scale_factor: Factor to enlarge each RoI around its center.

        Returns:
            (K, C, height, width), in float32, or float64 for float64 features.
        """
        narrow = (torch.float16, torch.bfloat16)
        feats = tuple(f.float() if f.dtype in narrow else f for f in feats)
        return super().forward(feats, rois, roi_scale_factor)
